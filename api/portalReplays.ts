/** What a portal link may replay at once: a customer's replay must leave room for the others. */
import type { Client } from '@temporalio/client';
import { CausewayError } from '../domain/error.ts';
import { type ReplayStart, type ReplayState, replayWorkflowId } from '../domain/replay.ts';
import { asked, isUnderWay, memosOf } from './replayAsked.ts';
import { replayTypes } from './replayShown.ts';

const portalEventsPerSecondMax = 200;

/** At most that many events a second for a portal link, what the replay was begun with before included. */
export const portalRate = (eventsPerSecond: number): number => Math.min(eventsPerSecond, portalEventsPerSecondMax);

/** A replay that is continued by a portal link, whoever began it. */
export function atPortalRate(start: ReplayStart, state: ReplayState): [ReplayStart, ReplayState] {
  const eventsPerSecond = portalRate(start.eventsPerSecond);
  return [
    { ...start, eventsPerSecond },
    { ...state, progress: { ...state.progress, eventsPerSecond } },
  ];
}

/** One replay of each customer runs that a portal link began or continued. */
export class PortalReplays {
  /** Customers for whom one is being begun here, and the one that was begun here last: visibility lags behind. */
  private readonly beginning = new Set<string>();
  private readonly last = new Map<string, string>();

  constructor(private readonly options: { temporal: Client }) {}

  /** Begins the replay, for a link of the customer while no other one of theirs runs. Throws `overloaded` and `temporal_unavailable`. */
  async begun(customerExternalId: string | undefined, id: string, begin: () => Promise<void>): Promise<void> {
    if (customerExternalId === undefined) return await begin();
    if (this.beginning.has(customerExternalId)) throw oneRuns();
    this.beginning.add(customerExternalId);
    try {
      if (await this.runsAnother(customerExternalId, id)) throw oneRuns();
      await begin();
      this.last.set(customerExternalId, id);
    } finally {
      this.beginning.delete(customerExternalId);
    }
  }

  private async runsAnother(customerExternalId: string, id: string): Promise<boolean> {
    const last = this.last.get(customerExternalId);
    if (last !== undefined && last !== id && (await this.runs(last))) return true;
    const { temporal } = this.options;
    const query = `WorkflowType IN ('${replayTypes.replay}', '${replayTypes.discard}') AND ExecutionStatus = 'Running'`;
    return await asked(this.options, async () => {
      for await (const { memo, workflowId } of temporal.workflow.list({ query })) {
        const of = memosOf(memo);
        const isTheirs = of.viaPortal === true && of.customerExternalId === customerExternalId;
        if (isTheirs && workflowId !== replayWorkflowId(id)) return true;
      }
      return false;
    });
  }

  private async runs(id: string): Promise<boolean> {
    const handle = this.options.temporal.workflow.getHandle(replayWorkflowId(id));
    return await asked(this.options, () => handle.describe()).then(
      ({ status }) => isUnderWay(status),
      (error: unknown) => {
        if (error instanceof CausewayError && error.code === 'replay_not_found') return false;
        throw error;
      },
    );
  }
}

const oneRuns = (): CausewayError =>
  new CausewayError(
    'overloaded',
    'Another replay of yours runs, and one runs at a time. Wait until it is over (GET /v1/replays), or cancel it; then send the same request again.',
  );
