import { DefaultLogger } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { quickTimeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import { workflowBundle } from '../../worker/workflowBundle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The code of our workflows, as workers want it. */
    workflowCode: string;
    /** The path of a time-skipping server. */
    timeSkippingServer: string;
  }
}

/** Bundles the workflows, and has the server ready, once for all files that run them. */
export default async function setup(project: TestProject): Promise<void> {
  const { code } = await workflowBundle(new DefaultLogger('ERROR'));
  project.provide('workflowCode', code);
  project.provide('timeSkippingServer', await quickTimeSkippingServerPath());
}
