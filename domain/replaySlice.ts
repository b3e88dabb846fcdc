/** The slices of time by which a replay lists the runs that it reads: as wide as a list may be long. Pure; in ms. */

/** `isSplit`: it had more runs than one list may have, and was made smaller. */
export type Slice = { afterMs: number; widthMs: number; isSplit?: boolean };

/** A slice as long as this has most of its runs at its end: 1970 is where the first one begins. */
const longMs = 60_000;
/** So much of a long slice is left for later at first, as a share: what is long ago is looked at in one step. */
const endOfLong = 16;

/** In place of one with too many runs. `isLate`: it is looked for runs where most are, near the end; older code went by halves alone. */
export function smaller({ afterMs, widthMs, isSplit }: Slice, isLate: boolean): Slice {
  const isLong = isLate && !isSplit && widthMs > longMs;
  const next = isLong ? widthMs - Math.ceil(widthMs / endOfLong) : Math.max(Math.floor(widthMs / 2), 1);
  return { afterMs, widthMs: next, ...(isLate && { isSplit: true }) };
}

/** The next one, wider, as far as there is time; of no width once all is listed. */
export function following({ afterMs, widthMs }: Slice, endMs: number): Slice {
  const nextMs = afterMs + widthMs;
  return { afterMs: nextMs, widthMs: Math.min(widthMs * 2, Math.max(endMs - nextMs, 0)) };
}
