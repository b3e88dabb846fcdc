import type { Client } from '@temporalio/client';
import { identitiesIn, pollersOf } from './pollers.ts';

/** How many worker processes share the work of a task queue, this one among them, as Temporal saw them last. */
export class WorkersSeen {
  count = 1;

  constructor(
    private readonly temporal: Client,
    private readonly taskQueue: string,
  ) {}

  /** Asks Temporal; where it does not answer, what was seen before stays. */
  async look(): Promise<void> {
    const pollers = await pollersOf(this.temporal, this.taskQueue, 'activities').catch(() => undefined);
    if (pollers) this.count = Math.max(identitiesIn(pollers, Date.now()).size, 1);
  }
}
