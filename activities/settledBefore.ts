import { noteSettled, nothingSettled, type SettledBefore as Settled } from '../domain/settledBefore.ts';
import type { LaneHistories } from './laneHistory.ts';

/** So many runs are read at the most, the newest first: what lies further back than that is delivered twice. */
const runsMax = 500;
/** Lanes whose answer is kept: it stays the same, for the runs that a reset took back are closed. */
const keptMax = 4;

/** `back`: it is listed back to this run, as far as that goes. */
export type ListRuns = (workflowId: string, back?: string) => Promise<string[]>;

/** Who resets a lane and wants all that follows sent again begins the reason so; Temporal's CLI puts `user: ` before it. */
const isAskedFor = (reason: string): boolean => /^(\S+: )?send again\b/i.test(reason);

/**
 * What a lane delivered, and what was given up, in the runs that a reset took back: such a lane gets all signals once more that
 * came after the reset point, and has forgotten what it did with them (docs/decisions/reset.md).
 */
export class SettledBefore {
  private readonly kept = new Map<string, Promise<Settled>>();

  constructor(
    private readonly histories: Pick<LaneHistories, 'run'>,
    private readonly listRuns: ListRuns,
  ) {}

  /** By the digests of events' ids; `resetRunId` is the run that the reset made. Rejects with `temporal_unavailable`. */
  of(workflowId: string, resetRunId: string): Promise<Settled> {
    const known = this.kept.get(resetRunId);
    if (known) return known;
    const reading = this.read(workflowId, resetRunId);
    this.kept.set(resetRunId, reading);
    reading.catch(() => this.kept.delete(resetRunId));
    const [oldest] = this.kept.keys();
    if (this.kept.size > keptMax && oldest !== undefined) this.kept.delete(oldest);
    return reading;
  }

  private async read(workflowId: string, resetRunId: string): Promise<Settled> {
    const known = nothingSettled();
    const made = await this.histories.run(workflowId, resetRunId);
    const last = made?.resets.at(-1);
    if (!last || isAskedFor(last.reason)) return known;
    // Visibility knows runs that no other run leads to, such as one of an earlier reset; and lags behind.
    const toRead = [...(made?.resets ?? []).map(({ baseRunId }) => baseRunId), ...(await this.listRuns(workflowId))];
    const seen = new Set([resetRunId]);
    let follows: string | undefined;
    for (let runId = toRead.shift(); runId !== undefined && seen.size <= runsMax; runId = toRead.shift()) {
      if (seen.has(runId)) continue;
      seen.add(runId);
      const run = await this.histories.run(workflowId, runId);
      if (!run) continue; // Retention has deleted it.
      if (runId !== follows) {
        known.parked.clear(); // Another chain's dead letters are not this one's.
        known.requests.clear();
      }
      noteSettled(known, run.records);
      follows = run.nextRunId;
      toRead.unshift(...(run.nextRunId ? [run.nextRunId] : []), ...run.resets.map(({ baseRunId }) => baseRunId));
    }
    return known;
  }
}
