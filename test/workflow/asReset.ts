import type { WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { getActivator } from '@temporalio/workflow/lib/global-attributes.js';

/** A history that is replayed is given out for the run's that began it; a run that a reset made is another one, and knows by that. */
export const interceptors: WorkflowInterceptorsFactory = () => ({
  inbound: [
    {
      execute: (input, next) => {
        getActivator().mutateWorkflowInfo((info) => ({ ...info, originalExecutionRunId: 'the run before the reset' }));
        return next(input);
      },
    },
  ],
});
