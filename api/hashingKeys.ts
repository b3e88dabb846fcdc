import type { Logger } from 'pino';
import { CausewayError } from '../domain/error.ts';
import type { Destinations } from '../store/destinations.ts';
import type { HashKey } from '../store/hashKey.ts';

import { type LanesOfDestination, withEmptyLanes } from './laneChange.ts';
import { existing } from './storedDestination.ts';

/** Destinations whose lanes are not empty now are looked at again after this, in ms. */
const againMs = 60_000;
const destinationsMax = 1_000;

export type HashingKeysOptions = {
  destinations: Destinations;
  hashKey: Pick<HashKey, 'clearDestinations'>;
  lanes: LanesOfDestination;
  logger: Pick<Logger, 'info' | 'warn'>;
};

/**
 * Gives destinations from before `CAUSEWAY_HASH_KEYS` hashed names, one after the other, each at a moment in which its lanes are empty: as a
 * change of lanes, so that no key ever has two that hold something.
 */
export function hashKeysInTime(options: HashingKeysOptions): void {
  const round = async (): Promise<void> => {
    try {
      await hashAll(options);
    } catch (error) {
      options.logger.warn({ err: error }, 'destinations with clear names in Temporal could not be looked at');
    }
    setTimeout(() => void round(), againMs).unref();
  };
  void round();
}

async function hashAll({ destinations, hashKey, lanes, logger }: HashingKeysOptions): Promise<void> {
  for (const id of await hashKey.clearDestinations(destinationsMax)) {
    try {
      const destination = await existing(destinations, id);
      // Asked first without a hold: while there is one, events are refused.
      if ((await lanes.waiting(destination)).events > 0) continue;
      await withEmptyLanes(destination, destinations, lanes, (hold) =>
        destinations.hashKeys(hold, { name: 'CAUSEWAY_HASH_KEYS' }),
      );
      logger.info({ destinationId: id }, 'its lanes have hashed names in Temporal from now on');
    } catch (error) {
      if (!(error instanceof CausewayError)) throw error;
      logger.info({ destinationId: id, code: error.code }, 'its lanes keep clear names in Temporal for now');
    }
  }
}
