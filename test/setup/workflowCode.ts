import { DefaultLogger } from '@temporalio/worker';
import type { TestProject } from 'vitest/node';
import { workflowBundle } from '../../worker/workflowBundle.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The code of our workflows, as workers want it. */
    workflowCode: string;
  }
}

/** Bundles the workflows once for all files that run them. */
export default async function setup(project: TestProject): Promise<void> {
  const { code } = await workflowBundle(new DefaultLogger('ERROR'));
  project.provide('workflowCode', code);
}
