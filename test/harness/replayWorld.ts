/** Lanes as a replay's workflow finds them, with activities of the test's own. */
import { randomUUID } from 'node:crypto';
import { Context } from '@temporalio/activity';
import { defaultReplayLimits, type ReplayStart } from '../../domain/replay.ts';
import type {
  DiscardPageRequest,
  FoundRuns,
  ReplayPage,
  ReplayPageRequest,
  ResendRequest,
  Resent,
  RunsRequest,
} from '../../domain/replayCalls.ts';

/** What one run of the activity sends, or of how many runs it counts them; each event is a part of its own. */
export const eventsOfStep = 2;
export const runsOfStep = 2;
/** Each run of a lane has delivered so many. */
export const eventsOfRun = 3;

export class ReplayWorld {
  readonly listed: RunsRequest[] = [];
  readonly counted: string[] = [];
  readonly sent: string[] = [];
  /** What the lanes that were sent to know the replay by. */
  readonly ids: string[] = [];
  /** Where each stands in its replay, as the lane that gets it remembers. */
  readonly places: number[] = [];
  readonly pages: { request: ReplayPageRequest; atMs: number }[] = [];
  list: (request: RunsRequest) => FoundRuns = () => ({ runs: [], isTooMany: false });
  /** What a page of lanes with dead letters answers. */
  page: (request: ReplayPageRequest) => ReplayPage = () => ({ events: 0, lanes: 0, unanswered: 0 });
  /** What was given up, page by page, and how much may be. */
  readonly discards: DiscardPageRequest[] = [];
  /** Lanes that have no room are passed over, by workflow id. */
  silent: string[] = [];
  /** Comes before a step's answer. */
  beforeAnswer: () => unknown = () => undefined;

  activities(nowMs: () => Promise<number>) {
    return {
      listRuns: async (request: RunsRequest): Promise<FoundRuns> => {
        this.listed.push(request);
        return this.list(request);
      },
      resendRuns: async (request: ResendRequest): Promise<Resent> => {
        if (!request.dryRun && !this.ids.includes(request.id)) this.ids.push(request.id);
        const done = this.resent(request);
        await this.beforeAnswer();
        return done;
      },
      replayPage: async (request: ReplayPageRequest): Promise<ReplayPage> => {
        this.pages.push({ request, atMs: await nowMs() });
        return this.page(request);
      },
      discardPage: async (request: DiscardPageRequest): Promise<ReplayPage> => {
        this.discards.push(request);
        const page = this.page(request);
        await this.beforeAnswer();
        return { ...page, events: Math.min(page.events, request.room) };
      },
    };
  }

  private resent({ runs, round, part, dryRun }: ResendRequest): Resent {
    const done: Resent = { events: 0, runs: 0, deletedRuns: 0 };
    for (const [n, { workflowId, runId }] of runs.entries()) {
      if (!dryRun && this.silent.includes(workflowId)) {
        const first = n === 0 ? part : 0;
        const left = { workflowId, runId, round: round + n, part: first, events: eventsOfRun - first };
        done.left = [...(done.left ?? []), left];
        done.runs++;
        continue;
      }
      if (dryRun) {
        this.counted.push(runId);
        done.events += eventsOfRun;
      }
      for (let at = n === 0 ? part : 0; !dryRun && at < eventsOfRun; at++) {
        if (done.events === eventsOfStep) return { ...done, nextPart: at };
        this.sent.push(`${runId}/${at}`);
        this.places.push((round + n) * eventsOfRun + at);
        done.events++;
      }
      done.runs++;
      if (dryRun && done.runs === runsOfStep) return done;
    }
    return done;
  }
}

/** A replay whose workflow continues as new after a few steps. */
export const replayOf = (more: Partial<ReplayStart>): ReplayStart => ({
  ...{ id: `rpl_${randomUUID()}`, of: 'delivered', filter: { destinationId: 'dst_a' }, dryRun: false, by: 'ada' },
  ...{ eventsPerSecond: 1, eventsMax: 1_000, limits: { ...defaultReplayLimits, historyEventsMax: 40 } },
  ...more,
});

const runs = Array.from({ length: 12 }, (_, n) => ({ workflowId: 'delivery:dst_a:k', runId: String(n) }));
export const runIds = runs.map(({ runId }) => runId);
/** Lanes whose runs had all closed when the replay began. */
export const closedRuns = ({ of }: RunsRequest): FoundRuns => ({ runs: of === 'closed' ? runs : [], isTooMany: false });
/** Some 10,000 slices of 100 runs each. */
export const millionRuns = ({ startedAt, afterMs, toMs }: RunsRequest): FoundRuns =>
  toMs - afterMs > Date.parse(startedAt) / 10_000
    ? { runs: [], isTooMany: true }
    : {
        runs: Array.from({ length: 100 }, (_, n) => ({ workflowId: 'w', runId: `${afterMs}/${n}` })),
        isTooMany: false,
      };

/** So many pages of lanes with dead letters, two in each, as long as they are not sent. */
export const pagesOf =
  (count: number) =>
  ({ page, sweep }: ReplayPageRequest): ReplayPage => {
    const next = Number(page ?? 0) + 1;
    const found = sweep ? { events: 0, lanes: 0 } : { events: 2, lanes: 1 };
    return { ...found, unanswered: 0, page: next < count ? String(next) : undefined };
  };

const beatEveryMs = 50;
/** Of the worker that runs such activities: it hears of a cancellation soon. */
export const soonCancelled = { maxHeartbeatThrottleInterval: beatEveryMs } as const;

/** Cancels its workflow out of an activity, which is there until it hears of that: the time-skipping server bears no other order. */
export async function untilCancelled(cancel: () => Promise<unknown>): Promise<void> {
  const context = Context.current();
  await cancel();
  const beats = setInterval(() => context.heartbeat(), beatEveryMs); // The answer to one says so.
  await context.cancelled.catch(() => undefined).finally(() => clearInterval(beats));
}
