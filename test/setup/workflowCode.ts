import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { dataConverter } from '../../domain/dataConverter.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The code of our workflows, as workers want it. */
    workflowCode: string;
  }
}

/** Bundles the workflows once for all files that run them: it takes more than two seconds of CPU. */
export default async function setup(project: TestProject): Promise<void> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    payloadConverterPath: dataConverter.payloadConverterPath,
    logger: new DefaultLogger('ERROR'),
  });
  project.provide('workflowCode', code);
}
