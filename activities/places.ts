/**
 * A worker's places for activities are shared by all destinations: those that are slow to answer must leave some to the others.
 * docs/decisions/slow-brokers.md
 */

/** One destination has so much of the places at the most. */
const ownPart = 3 / 4;
/** All destinations that are slow have so much of them together, in equal shares: each try that waits costs Temporal a heartbeat and a half a second. */
const slowPart = 1 / 5;

/** A try that lasts longer than this is slow, in ms: a broker that is well answers in a tenth of it. */
export const slowMs = 2_000;
/** A destination is slow for so long after its last slow try, in ms, unless it answers quickly meanwhile. */
const rememberedMs = 30_000;
/** A batch that finds no place stays away for so long at least, and at the most; in ms. */
const awayMsMin = 1_000;
const awayMsMax = 2 * 60_000;
/** Those of one destination come back one after the other, so far apart; in ms. */
const turnsMs = 50;

type Use = {
  /** In the order in which they began. */
  readonly running: Set<Place>;
  quickAtMs: number;
  slowAtMs: number;
  /** When the turn of the batch that was put off last is. */
  lastTurnMs: number;
};

/** What a try of a batch has as long as it runs. */
export type Place = { readonly destinationId: string; readonly sinceMs: number };
/** No place is free for it: it stays away for so long, in ms. */
export type PutOff = { readonly awayMs: number };

const newUse = (): Use => ({
  running: new Set(),
  quickAtMs: Number.NEGATIVE_INFINITY,
  slowAtMs: Number.NEGATIVE_INFINITY,
  lastTurnMs: 0,
});

/** Which destinations' batches have the places of this worker. */
export class Places {
  private readonly uses = new Map<string, Use>();

  private readonly ownMax: number;
  private readonly slowMax: number;

  /** `placesMax`: how many activities run at once. `clock`: in ms, and never set back. */
  constructor(
    placesMax: number,
    private readonly clock: () => number = () => performance.now(),
  ) {
    this.ownMax = Math.floor(placesMax * ownPart);
    this.slowMax = Math.floor(placesMax * slowPart);
  }

  /** A place for a try, until {@link leave}; or how long the batch is to stay away. */
  take(destinationId: string): Place | PutOff {
    const nowMs = this.clock();
    const use = this.uses.get(destinationId) ?? newUse();
    this.uses.set(destinationId, use);
    const placesOf = isSlow(use, nowMs) ? this.slowPlaces(nowMs) : { own: this.ownMax, left: this.ownMax };
    if (use.running.size >= placesOf.own || placesOf.left <= 0) return putOff(use, nowMs);
    const place = { destinationId, sinceMs: nowMs };
    use.running.add(place);
    return place;
  }

  /** The try is over. `isAnswered`: the destination took records, or refused them for good. */
  leave(place: Place, isAnswered: boolean): void {
    const use = this.uses.get(place.destinationId);
    if (!use) return;
    use.running.delete(place);
    const nowMs = this.clock();
    if (nowMs - place.sinceMs >= slowMs) use.slowAtMs = nowMs;
    else if (isAnswered) use.quickAtMs = nowMs;
    if (isForgotten(use, nowMs)) this.uses.delete(place.destinationId);
  }

  /** How many places each of the slow destinations may have, and how many are left of those that they share. */
  private slowPlaces(nowMs: number): { own: number; left: number } {
    let destinations = 0;
    let running = 0;
    for (const [id, use] of this.uses) {
      if (isForgotten(use, nowMs)) this.uses.delete(id);
      if (!isSlow(use, nowMs)) continue;
      destinations++;
      running += use.running.size;
    }
    return { own: Math.max(Math.floor(this.slowMax / destinations), 1), left: this.slowMax - running };
  }
}

/** Whether the destination is slow now: by the oldest of its tries that run, or by what is remembered. */
function isSlow({ running, quickAtMs, slowAtMs }: Use, nowMs: number): boolean {
  const [oldest] = running;
  if (oldest && nowMs - oldest.sinceMs >= slowMs && nowMs - quickAtMs >= slowMs) return true;
  return slowAtMs > quickAtMs && nowMs - slowAtMs < rememberedMs;
}

const isForgotten = (use: Use, nowMs: number): boolean => use.running.size === 0 && !isSlow(use, nowMs);

function putOff(use: Use, nowMs: number): PutOff {
  const turnMs = Math.max(use.lastTurnMs + turnsMs, nowMs + awayMsMin);
  use.lastTurnMs = Math.min(turnMs, nowMs + awayMsMax);
  return { awayMs: Math.round(use.lastTurnMs - nowMs) };
}
