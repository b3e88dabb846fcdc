import type { Destination } from '../domain/destination.ts';
import type { Placed } from './earlierLanes.ts';
import { movedMeanwhile } from './laneChange.ts';

export type OnTheirWayOptions = {
  /** As it is now, or was within the last second. */
  forCustomer(customerExternalId: string): Promise<readonly Destination[]>;
  /** Keeps it where every API process finds it. */
  note(events: readonly { eventId: string; workflowId: string }[]): Promise<void>;
  /** A clock that nobody sets, in ms. */
  now?: () => number;
};

type Underway = Placed & { eventId: string; notedAtMs: number };

/** How often it should be looked, in ms: a change of lanes waits for 2 s, of which the first passes until every process has seen it. */
export const lookEveryMs = 200;
/** What lasts is noted anew so often, in ms: a note counts for 30 s. */
const noteAgainMs = 10_000;

/**
 * Events that this process has sent to their lanes and that are not known to be stored. Once their destination is seen to change its
 * lanes they are noted in the store, before it has changed them: an event that is sent again meanwhile, through any process, has
 * another lane by then, which does not know of the first (docs/decisions/lane-change.md).
 */
export class OnTheirWay {
  /** By place; a place that is free again is taken by the next: cheaper by far than a set, for each event comes by here. */
  private readonly underway: (Underway | undefined)[] = [];
  private readonly free: number[] = [];
  private readonly now: () => number;
  private looking = false;

  constructor(private readonly options: OnTheirWayOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** The event is on its way into these lanes; call what this gives back when that is over. */
  began(eventId: string, to: readonly Placed[]): () => void {
    const places = to.map(({ destination, workflowId }) => {
      const place = this.free.pop() ?? this.underway.length;
      this.underway[place] = { destination, workflowId, eventId, notedAtMs: Number.NEGATIVE_INFINITY };
      return place;
    });
    return () => {
      for (const place of places) this.underway[place] = undefined;
      this.free.push(...places);
    };
  }

  /** Notes what may end in a lane that its key has no more. Where the store is away, the next look does. */
  async look(): Promise<void> {
    if (this.looking || this.underway.length === this.free.length) return;
    this.looking = true;
    try {
      const toNote = await this.moving();
      if (toNote.length === 0) return;
      await this.options.note(toNote.map(({ eventId, workflowId }) => ({ eventId, workflowId })));
      const nowMs = this.now();
      for (const event of toNote) event.notedAtMs = nowMs;
    } catch {
      // Nobody changes lanes while the store is away.
    } finally {
      this.looking = false;
    }
  }

  private async moving(): Promise<Underway[]> {
    const again = this.now() - noteAgainMs;
    const due = this.underway.filter((event): event is Underway => event !== undefined && event.notedAtMs < again);
    const customers = [...new Set(due.map(({ destination }) => destination.customerExternalId))];
    const read = await Promise.all(customers.map((customer) => this.options.forCustomer(customer)));
    const current = new Map(customers.map((customer, n) => [customer, read[n] ?? []]));
    const at = new Date();
    return due.filter(({ destination }) =>
      movedMeanwhile(destination, current.get(destination.customerExternalId) ?? [], at),
    );
  }
}
