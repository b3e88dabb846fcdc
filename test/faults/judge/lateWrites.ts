/**
 * Counts records that a key's reader meets behind newer ones without these coming again after them: what a forgotten attempt
 * writes when another one has long gone on. A batch that is sent again (1 2 3 1 2 3 4) is no such thing; 1 2 3 4 1 5 is.
 *
 * Takes the events' numbers in the order of the topic, rising with each key's order of acceptance, and the key of each.
 */
export function lateWrites(numbers: Int32Array, keyOf: (n: number) => number): number {
  const places = placesInKey(numbers, keyOf);
  const last = new Map<number, number>();
  let late = 0;
  for (const n of numbers) {
    const key = keyOf(n);
    const place = places.get(n) ?? 0;
    // After a step back every record up to where it was must come again before a new one does.
    if (place > (last.get(key) ?? -1) + 1) late++;
    last.set(key, place);
  }
  return late;
}

/** Of each event that was read, which one of its key it is: 0, 1, 2 … */
function placesInKey(numbers: Int32Array, keyOf: (n: number) => number): Map<number, number> {
  const next = new Map<number, number>();
  const places = new Map<number, number>();
  for (const n of [...new Set(numbers)].sort((a, b) => a - b)) {
    const place = next.get(keyOf(n)) ?? 0;
    places.set(n, place);
    next.set(keyOf(n), place + 1);
  }
  return places;
}
