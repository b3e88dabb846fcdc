import { ActivityFailure, ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { Block } from '../domain/block.ts';
import { type Stray, type Strays, straysChanged } from '../domain/strays.ts';

export type StrayActivities = {
  /** What the lane accepted in runs whose signals Temporal has not given to this one. */
  strays(): Promise<Strays>;
  stray(request: { at: number; name?: string | undefined }): Promise<Block>;
};
// It reads histories: of a lane that nobody reset nothing is asked.
const { strays, stray } = proxyActivities<StrayActivities>({
  startToCloseTimeout: '10 minutes',
  heartbeatTimeout: '10 seconds', // A killed worker's is tried again after that.
  retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
});

/** Hands over all that strayed, one after the other; for which run that was found out. `use` may be given a block again. */
export async function eachStray(use: (one: Stray) => void): Promise<string> {
  for (;;) {
    const { runId, blocks } = await strays();
    try {
      for (const [at, { name, ...head }] of blocks.entries()) use({ ...head, block: await stray({ at, name }) });
      return runId;
    } catch (error) {
      if (!isChanged(error)) throw error; // Retention has deleted a run meanwhile, for one: what is left is asked for anew.
    }
  }
}

const isChanged = (error: unknown): boolean =>
  error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === straysChanged;
