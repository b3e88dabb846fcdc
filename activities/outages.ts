import type { Failed } from '../domain/attempt.ts';
import { lookAfterMsMin } from '../domain/laneHold.ts';

type Outage = {
  sinceMs: number;
  lastMs: number;
  /** Failures in a row, of whichever lanes. */
  failures: number;
  error: Failed;
};
type Held = { nextLookMs: number; lastMs: number };

/** With no failure for so long it is not the same outage any more, in ms. */
const forgottenAfterMs = 60_000;
/** An outage is taken for granted, without a try, for so long after its last failure; in ms. */
const freshMs = 10_000;
/**
 * So many failures in a row, over at least so long, are an outage already: many lanes that each try for a minute would be
 * thousands of tries.
 */
const crowd = { failures: 100, ms: 5_000 } as const;
/** Each further lane that holds looks so much later by itself, in ms, for each worker that lets lanes hold: 10,000 lanes look one every two seconds. */
const lookSpreadMs = 2_000;

/** What this worker knows of destinations that fail: a short memory, of failures with no success between. */
export class Outages {
  private readonly outages = new Map<string, Outage>();
  /** When the next lane that is let wait or suspended is to look, since the destination worked. */
  private readonly held = new Map<string, Held>();

  /** `workers`: how many processes like this one there are. `clock`: ms since the epoch. */
  constructor(
    private readonly waitAfterMs: number,
    private readonly workers: () => number,
    private readonly clock: () => number = Date.now,
  ) {}

  failed(destinationId: string, error: Failed): void {
    const now = this.clock();
    const known = this.outages.get(destinationId);
    const isSame = known && now - known.lastMs < forgottenAfterMs;
    this.outages.set(destinationId, {
      sinceMs: isSame ? known.sinceMs : now,
      lastMs: now,
      failures: isSame ? known.failures + 1 : 1,
      error,
    });
  }

  recovered(destinationId: string): void {
    this.outages.delete(destinationId);
    this.held.delete(destinationId);
  }

  /** Whether the destination has failed for so long, or so often, that lanes need not try on their own. */
  lasts(destinationId: string): boolean {
    const known = this.outages.get(destinationId);
    if (!known) return false;
    const ms = this.clock() - known.sinceMs;
    if (known.failures >= crowd.failures && ms >= Math.min(crowd.ms, this.waitAfterMs)) return true;
    return known.failures > 1 && ms >= this.waitAfterMs;
  }

  /** What it failed with just now, where that {@link lasts}: no try is needed to know. */
  knownDown(destinationId: string): Failed | undefined {
    const known = this.outages.get(destinationId);
    if (!known || this.clock() - known.lastMs >= freshMs || !this.lasts(destinationId)) return undefined;
    return known.error;
  }

  /** A lane is to hold: when it should look by itself, in ms. Spread, so that many don't look together, whichever worker let them hold. */
  lookAfterMs(destinationId: string): number {
    const { nextLookMs = lookAfterMsMin } = this.held.get(destinationId) ?? {};
    this.held.set(destinationId, {
      nextLookMs: nextLookMs + lookSpreadMs * this.workers(),
      lastMs: this.clock(),
    });
    return nextLookMs;
  }

  /** Drops what is long over. */
  sweep(): void {
    for (const [id, { lastMs }] of this.outages) {
      if (this.clock() - lastMs >= forgottenAfterMs) this.outages.delete(id);
    }
    for (const [id, { lastMs }] of this.held) {
      if (this.clock() - lastMs >= 2 * lookAfterMsMin) this.held.delete(id);
    }
  }
}
