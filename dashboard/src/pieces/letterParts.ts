/** A dead letter, by what names it. */
export type Letter = { eventId: string; destinationId: string };

/** What one request is of, with the key that names it. */
export type Part<One extends Letter> = {
  destinationId: string;
  /** Each once: an event may lie in two lanes of a destination, and a request means both. */
  ids: readonly string[];
  letters: readonly One[];
  key: string;
};

/** So many events one request may name. */
const idsMax = 200;

/** The requests that these dead letters need: each is of one destination. */
export function partsOf<One extends Letter>(letters: readonly One[], newKey: () => string): Part<One>[] {
  return grouped(letters, ({ destinationId }) => destinationId).flatMap(([destinationId, own]) => {
    const byId = grouped(own, ({ eventId }) => eventId);
    return Array.from({ length: Math.ceil(byId.length / idsMax) }, (_, n): Part<One> => {
      const some = byId.slice(n * idsMax, (n + 1) * idsMax);
      return { destinationId, ids: some.map(([id]) => id), letters: some.flatMap(([, all]) => all), key: newKey() };
    });
  });
}

/** Not `Map.groupBy`: not every browser that this is for has it. */
function grouped<One>(all: readonly One[], by: (one: One) => string): [string, One[]][] {
  const groups = new Map<string, One[]>();
  for (const one of all) groups.set(by(one), [...(groups.get(by(one)) ?? []), one]);
  return [...groups];
}
