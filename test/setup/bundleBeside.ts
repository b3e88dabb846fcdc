/** In the worker that is built for the tests this stands for `worker/workflowBundle.ts`: it bundles nothing, and keeps nothing. */
import { readFile } from 'node:fs/promises';
import type { workflowBundle as inEarnest } from '../../worker/workflowBundle.ts';

/** The names of both kinds of bundle, which lie beside the built worker. */
export const bundleNames = { plain: 'workflows.js', encoding: 'workflows-encoding.js' } as const;

/** The bundle that was made as the run of the tests began. Throws where none is there. */
export const workflowBundle: typeof inEarnest = async (_logger, _places, failureConverterPath) => {
  const name = failureConverterPath === undefined ? bundleNames.plain : bundleNames.encoding;
  return { code: await readFile(new URL(`./${name}`, import.meta.url), 'utf8') };
};
