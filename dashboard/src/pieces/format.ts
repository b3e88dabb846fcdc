const whole = new Intl.NumberFormat('en');

/** For example "12,345". */
export const number = (value: number): string => whole.format(value);

/** For example "1 event" or "1,200 events". */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${number(value)} ${value === 1 ? one : many}`;

/** A rate, with digits where it is small. */
export const rate = (perSecond: number): string =>
  perSecond >= 100 || perSecond === 0 ? number(Math.round(perSecond)) : perSecond.toFixed(perSecond < 1 ? 2 : 1);

/** For example "1.2 kB". */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
