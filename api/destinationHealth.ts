import { type DestinationSeen, lanesIn } from '../domain/numbers.ts';
import type { Numbers } from '../store/numbers.ts';
import type { ShownDestination } from './schemas/destination.ts';

export type Health = NonNullable<ShownDestination['health']>;

/** A sample that is older than this says nothing any more, in ms: nobody takes samples. */
export const freshMs = 120_000;
const wellHealth: Health = { state: 'Delivering', deadLetters: 0, lanes: 0 };

/** Tells of each of these destinations how its lanes stood in the last sample; undefined where that is not known. */
export async function healthOf(
  numbers: Pick<Numbers, 'health' | 'sampled'>,
  destinations: readonly { id: string }[],
): Promise<(id: string) => Health | undefined> {
  const [{ at, sampledAt, seen }, found] = await Promise.all([
    numbers.sampled(),
    numbers.health(destinations.map(({ id }) => id)),
  ]);
  if (!sampledAt || at.getTime() - sampledAt.getTime() > freshMs) return () => undefined;
  return (id) => {
    const own = found.get(id);
    if (own) return shownHealth(own);
    return seen?.isWhole ? wellHealth : undefined;
  };
}

const shownHealth = ({ state, deadLetters, lanes, error, since }: DestinationSeen): Health => ({
  ...{ state, deadLetters, lanes: lanesIn(lanes) },
  ...(error && { error }),
  ...(since !== undefined && { since }),
});
