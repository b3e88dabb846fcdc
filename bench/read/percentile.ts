/** The value below which so many percent of the values lie (nearest rank); NaN of no values. */
export function percentile(values: Float64Array, percent: number): number {
  const sorted = values.slice().sort();
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}
