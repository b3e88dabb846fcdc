import { setTimeout as sleep } from 'node:timers/promises';
import { Turns } from '../activities/turns.ts';
import type { DeliveryStatus } from '../domain/deliveryLog.ts';
import type { Destination } from '../domain/destination.ts';
import { laneWorkflowId } from '../domain/lane.ts';
import type { EventLane, FoundLane } from '../store/eventIndex.ts';
import { type DeliveryHistories, readDelivery } from './deliveryLogs.ts';

/** Which lane an event of a destination has now. */
export type Placed = { destination: Destination; workflowId: string };

/**
 * A lane that has an event that is sent again; `wasEmptied`: all that it had then was settled when its lanes were changed; `isOnItsWay`:
 * it may not have it yet, or never get it.
 */
export type EarlierLane = { workflowId: string; wasEmptied: boolean; isOnItsWay: boolean };

export type EarlierLanesOptions = {
  /** The lanes that each of these events was stored in since then, or is on its way into. */
  lanesOf(digests: readonly string[], since: Date): Promise<readonly EventLane[]>;
  /** How the event stands in that lane; undefined where the lane doesn't know it. */
  statusIn(digest: string, workflowId: string): Promise<DeliveryStatus | undefined>;
  /** The lane does not know the event: where it is on its way no longer, it won't get it. */
  isNotThere(digest: string, workflowId: string): Promise<void>;
  /** For how long an event that comes again gives no second record, in ms. */
  dedupWindowMs: number;
  askedEveryMs?: number;
};

/**
 * Lanes change only while they are empty: what was stored in one this long before was settled by then. A hold lasts a minute, and
 * the clocks that are compared may differ by as much.
 */
const settledBeforeMs = 120_000;
/** An event in a lane that its key has no more is asked for so often, and so long, before its sender is told to come again. */
const asksMax = 10;
const askedEveryMs = 300;
const asksMs = 3_000;
/** So many events are looked up in one query. */
const lookupMax = 5_000;

type Lookup = { digest: string; found: (lanes: readonly EventLane[]) => void; failed: (error: unknown) => void };

/**
 * A lane remembers the events that it has seen, and the lane that their key has after a change does not. So for as long as an event
 * may come again, the event index is asked whether the lane of before has it: docs/decisions/lane-change.md.
 */
export class EarlierLanes {
  private readonly waiting: Lookup[] = [];
  private reading = false;

  constructor(private readonly options: EarlierLanesOptions) {}

  /** Whether events for these destinations may stand in lanes that their keys have no more. */
  mayHold(destinations: readonly Destination[], now: Date): boolean {
    const since = now.getTime() - this.options.dedupWindowMs - settledBeforeMs;
    return destinations.some(
      ({ lanesChangedAt }) => lanesChangedAt !== undefined && new Date(lanesChangedAt).getTime() >= since,
    );
  }

  /**
   * By destination id, the lane that has the event already and is not the one that it would go to now. Those that ask one after
   * the other are answered in that order.
   */
  async of(digest: string, to: readonly Placed[]): Promise<Map<string, EarlierLane>> {
    const lanes = await this.lookedUp(digest);
    const since = this.since();
    const earlier = new Map<string, EarlierLane>();
    for (const { destination, workflowId } of to) {
      const ownPrefix = laneWorkflowId(destination.id, '');
      const own = lanes.filter((lane) => lane.workflowId.startsWith(ownPrefix) && lane.lastAt >= since);
      const lane = lastToGet(own, workflowId);
      // Where it is the lane that the event would go to, that knows the event by itself.
      if (!lane || lane.workflowId === workflowId) continue;
      const changedAtMs = new Date(destination.lanesChangedAt ?? 0).getTime();
      const wasEmptied = !lane.isOnItsWay && lane.firstAt.getTime() < changedAtMs - settledBeforeMs;
      earlier.set(destination.id, { workflowId: lane.workflowId, wasEmptied, isOnItsWay: lane.isOnItsWay });
    }
    return earlier;
  }

  /** Whether the event is settled in this lane, or soon is: then nothing that comes after its 202 can overtake it. */
  async settles(digest: string, { destination, workflowId }: Placed): Promise<'settled' | 'waiting' | 'unknown'> {
    const endsAtMs = performance.now() + asksMs;
    for (let ask = 1; ; ask++) {
      const status = await this.options.statusIn(digest, workflowId);
      if (status !== undefined && isSettled(status, destination)) return 'settled';
      if (ask === asksMax || performance.now() >= endsAtMs) return status === undefined ? 'unknown' : 'waiting';
      await sleep(this.options.askedEveryMs ?? askedEveryMs);
    }
  }

  /** A lane that it was on its way into does not know it: once it can't get it any more, the event is taken where it belongs now. */
  async isNotThere(digest: string, { workflowId }: Placed): Promise<void> {
    await this.options.isNotThere(digest, workflowId);
  }

  private since(): Date {
    return new Date(Date.now() - this.options.dedupWindowMs);
  }

  private lookedUp(digest: string): Promise<readonly EventLane[]> {
    return new Promise((found, failed) => {
      this.waiting.push({ digest, found, failed });
      if (!this.reading) void this.readAll();
    });
  }

  /** One query at a time; what comes meanwhile goes into the next. */
  private async readAll(): Promise<void> {
    this.reading = true;
    await Promise.resolve(); // The events of one batch go into one query.
    while (this.waiting.length > 0) {
      const group = this.waiting.splice(0, lookupMax);
      try {
        const lanes = await this.options.lanesOf(
          group.map(({ digest }) => digest),
          this.since(),
        );
        const byEvent = new Map<string, EventLane[]>();
        for (const lane of lanes) byEvent.set(lane.eventId, [...(byEvent.get(lane.eventId) ?? []), lane]);
        for (const { digest, found } of group) found(byEvent.get(digest) ?? []);
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.reading = false;
  }
}

/** Of lanes that have an event, the one that will remember it longest; one that it is on its way into where no lane has it. */
const lastToGet = (lanes: readonly EventLane[], to: string): EventLane | undefined =>
  lanes.toSorted(
    (a, b) =>
      Number(a.isOnItsWay) - Number(b.isOnItsWay) ||
      b.lastAt.getTime() - a.lastAt.getTime() ||
      Number(b.workflowId === to) - Number(a.workflowId === to),
  )[0];

/** One that is parked is passed by what comes later, unless its destination has its key wait. */
const isSettled = (status: DeliveryStatus, { onDeadLetter }: Destination): boolean =>
  status === 'delivered' ||
  status === 'discarded' ||
  status === 'expired' ||
  (status === 'parked' && onDeadLetter === 'continue');

/** Histories are read for so many events at once; of more than may wait it is not known how they stand. */
const readAtOnce = { atOnce: 4, waiting: 200 };
const tooMany = 'Too many events are asked for in the lanes that they had before. Send again after a second.';

const unread = { status: 'queued' } as const;

/** How an event stands in a lane, by the lane's histories. `runKnowing`: its latest run, where that knows the event. */
export function statusInLane(
  index: { find(digest: string): Promise<FoundLane[]> },
  histories: DeliveryHistories,
  runKnowing: (workflowId: string, digest: string) => Promise<string | undefined>,
): EarlierLanesOptions['statusIn'] {
  const turns = new Turns(readAtOnce, tooMany);
  const knowing = async (digest: string, workflowId: string): Promise<FoundLane | undefined> => {
    const runId = await runKnowing(workflowId, digest);
    return runId === undefined ? undefined : { workflowId, runId, acceptedAt: new Date(), laterRunIds: [] };
  };
  return (digest, workflowId) =>
    turns.take(async () => {
      const indexed = (await index.find(digest)).find((lane) => lane.workflowId === workflowId);
      const found = indexed ?? (await knowing(digest, workflowId));
      // Where it can't be read now, it is not known to be settled.
      return found && (await readDelivery(histories, digest, found).catch(() => unread)).status;
    });
}
