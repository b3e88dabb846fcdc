import { condition, isCancellation, patched, proxyActivities, workflowInfo } from '@temporalio/workflow';
import type { Outcome } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import type { LaneStart } from '../domain/lane.ts';
import type { LaneState, Note } from '../domain/laneState.ts';
import {
  type CarriedOutcomes,
  exportTaskQueue,
  groupBytes,
  type OutcomeGroup,
  type Outcomes,
  outcomeOfResent,
  outcomesBytesMax,
  outcomesOfBatch,
  outcomesOfSignal,
} from '../domain/outcomes.ts';

export type ExportActivities = {
  /** Returns once the outcomes are events of the operator's, or a workflow holds them until they are. */
  handOver(outcomes: Outcomes): Promise<void>;
  /** Returns once they are events of the operator's. */
  exportOutcomes(outcomes: Outcomes): Promise<void>;
};

/**
 * Gives what becomes of a lane's events out of its hands, beside the lane's own work: what comes while one activity does it goes
 * in the next. A lane of which nothing is exported schedules nothing.
 */
export class LaneOutcomes {
  private isExported: boolean;
  private groups: OutcomeGroup[];
  private bytes: number;
  private isGiving = false;
  /** What a lane was sent again before its first batch, which tells whether it is exported; undefined once that is known. */
  private early: OutcomeGroup[] | undefined;

  /** `from`: of an earlier run; undefined in a lane's first one. */
  constructor(
    private readonly start: LaneStart,
    from: CarriedOutcomes | undefined,
  ) {
    const { isExported, outcomes = [] } = from ?? {};
    this.early = from ? undefined : [];
    this.isExported = isExported ?? false;
    this.groups = [...outcomes];
    this.bytes = bytesOf(outcomes);
  }

  /** Begins to give out of hands what there is. Not while `isEnding`: an activity's end would fail the task that continues as new. */
  begin(isEnding: () => boolean): void {
    this.giving(isEnding).catch((error) => {
      if (!isCancellation(error)) throw error; // Fails the workflow task, which is seen.
    });
  }

  settled(before: LaneState, after: LaneState, outcome: Outcome): void {
    // Of the operator's own events it would go on for ever.
    this.isExported = outcome.exportTo !== undefined && outcome.exportTo !== this.start.customerExternalId;
    const { early = [] } = this;
    this.early = undefined;
    if (this.isExported && early.length > 0 && patched('early-outcomes')) this.add(early);
    if (this.isExported) this.add(outcomesOfBatch(before, after, outcome, Date.now()));
  }

  signalled(outcome: 'replayed' | 'discarded', before: LaneState, after: LaneState, note: Note): void {
    if (this.isExported) this.add(outcomesOfSignal(outcome, [before, after], note, Date.now()));
  }

  /** Dead letters that could not be sent again. */
  parked(before: LaneState, after: LaneState): void {
    if (this.isExported) this.add(outcomesOfBatch(before, after, { landed: [] }, Date.now()));
  }

  /** A replay of delivered events. */
  resent(block: Block, note: Note): void {
    const group = outcomeOfResent(block, note, Date.now());
    if (this.isExported) this.add([group]);
    else if (this.early && bytesOf(this.early) < outcomesBytesMax) this.early.push(group);
  }

  get isBusy(): boolean {
    return this.isGiving;
  }
  get isEmpty(): boolean {
    return this.groups.length === 0;
  }
  get isFull(): boolean {
    return this.bytes >= outcomesBytesMax;
  }
  get carriedBytes(): number {
    return this.bytes;
  }
  carried(): CarriedOutcomes {
    return { ...(this.isExported && { isExported: true }), ...(!this.isEmpty && { outcomes: this.groups }) };
  }

  private add(groups: readonly OutcomeGroup[]): void {
    this.groups.push(...groups);
    this.bytes += bytesOf(groups);
  }

  private async giving(isEnding: () => boolean): Promise<void> {
    const { handOver } = proxyActivities<ExportActivities>({
      taskQueue: exportTaskQueue(workflowInfo().taskQueue),
      startToCloseTimeout: '15 seconds',
      retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
    });
    const { destinationId, customerExternalId, lane, hashed } = this.start;
    const of = { destinationId, customerExternalId, lane, ...(hashed && { name: hashed.name }) };
    for (;;) {
      await condition(() => !this.isEmpty && !isEnding());
      this.isGiving = true;
      const groups = [...this.groups];
      await handOver({ ...of, groups });
      this.groups.splice(0, groups.length); // Others may have come behind them.
      this.bytes -= bytesOf(groups);
      this.isGiving = false;
    }
  }
}

const bytesOf = (groups: readonly OutcomeGroup[]): number => groups.reduce((sum, group) => sum + groupBytes(group), 0);

/** Holds outcomes that the API did not take, however long that lasts: no open workflow is deleted. */
export async function heldOutcomes(outcomes: Outcomes): Promise<void> {
  const { exportOutcomes } = proxyActivities<ExportActivities>({
    startToCloseTimeout: '1 minute',
    retry: { initialInterval: '2 seconds', backoffCoefficient: 2, maximumInterval: '5 minutes' },
  });
  await exportOutcomes(outcomes);
}
