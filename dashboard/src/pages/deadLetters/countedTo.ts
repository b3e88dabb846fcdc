/**
 * The `parkedTo` of just what a preview has counted: what was parked by the time at which it began, for that is what it counts. It is
 * the API's own time where it said one; else this browser's, when it asked. An earlier one that was asked for stays.
 */
export function countedTo(asked: string | undefined, startedAt: string | undefined, askedAtMs: number): string {
  // `parkedTo` leaves out what was parked at it; the preview counts that, too.
  const endMs = startedAt === undefined ? askedAtMs : Date.parse(startedAt) + 1;
  return new Date(asked === undefined ? endMs : Math.min(endMs, Date.parse(asked))).toISOString();
}
