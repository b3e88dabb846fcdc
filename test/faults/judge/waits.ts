/** When each event of a lane was accepted and delivered, in ms since the epoch. */
export type Passage = { lane: string; acceptedAtMs: number; deliveredAtMs: number };

/** How lanes went on after a moment at which events waited in them. */
export type GoingOn = {
  /** Until the last lane that had something waiting delivered its next event. */
  goesOnMs: number;
  /** Until all that waited then was delivered. */
  caughtUpMs: number;
};

function byLane(passages: readonly Passage[]): Passage[][] {
  const lanes = new Map<string, Passage[]>();
  for (const passage of passages) {
    const lane = lanes.get(passage.lane);
    if (lane) lane.push(passage);
    else lanes.set(passage.lane, [passage]);
  }
  return [...lanes.values()].map((lane) => lane.sort((a, b) => a.deliveredAtMs - b.deliveredAtMs));
}

/** The times in which a lane delivered nothing while it had an accepted event to deliver. */
export type Stall = { fromMs: number; untilMs: number };

export const stallsIn = (passages: readonly Passage[]): Stall[] => byLane(passages).flatMap(stallsOfLane);

/** The longest of them that overlaps this time; of all where none is given. */
export function longestMs(stalls: readonly Stall[], within?: Stall): number {
  const met = within ? stalls.filter((one) => one.untilMs > within.fromMs && one.fromMs < within.untilMs) : stalls;
  return met.reduce((longest, { fromMs, untilMs }) => Math.max(longest, untilMs - fromMs), 0);
}

function stallsOfLane(lane: readonly Passage[]): Stall[] {
  const stalls: Stall[] = [];
  // From the end: of all that is delivered from here on, the earliest acceptance.
  let waitingSinceMs = Number.POSITIVE_INFINITY;
  for (let i = lane.length - 1; i >= 0; i--) {
    const { acceptedAtMs = 0, deliveredAtMs = 0 } = lane[i] ?? {};
    waitingSinceMs = Math.min(waitingSinceMs, acceptedAtMs);
    const previousMs = lane[i - 1]?.deliveredAtMs ?? Number.NEGATIVE_INFINITY;
    stalls.push({ fromMs: Math.max(previousMs, waitingSinceMs), untilMs: deliveredAtMs });
  }
  return stalls;
}

/** How lanes went on after this moment; zeros where nothing waited then. */
export function goingOnAfter(atMs: number, passages: readonly Passage[]): GoingOn {
  const result: GoingOn = { goesOnMs: 0, caughtUpMs: 0 };
  for (const lane of byLane(passages)) {
    const waited = lane.filter(({ acceptedAtMs, deliveredAtMs }) => acceptedAtMs <= atMs && deliveredAtMs > atMs);
    const last = waited.at(-1);
    const next = lane.find(({ deliveredAtMs }) => deliveredAtMs > atMs);
    if (!last || !next) continue;
    result.goesOnMs = Math.max(result.goesOnMs, next.deliveredAtMs - atMs);
    result.caughtUpMs = Math.max(result.caughtUpMs, last.deliveredAtMs - atMs);
  }
  return result;
}
