import type { Logger } from 'pino';
import { CausewayError } from '../domain/error.ts';
import type { Destinations } from '../store/destinations.ts';
import type { HashKey } from '../store/hashKey.ts';

import { type LaneHolds, type LanesOfDestination, withEmptyLanes } from './laneChange.ts';
import { existing } from './storedDestination.ts';

/** Destinations whose lanes are not empty now are looked at again after this, in ms. */
const againMs = 60_000;
const pageSize = 1_000;

export type HashingKeysOptions = {
  destinations: Pick<Destinations, 'get' | 'holdLanes' | 'releaseLanes' | 'hashKeys'>;
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

/** Each of them once, as far as it can be done now. */
export async function hashAll({ destinations, hashKey, lanes, logger }: HashingKeysOptions): Promise<void> {
  const holds: LaneHolds = {
    get: (id) => destinations.get(id),
    holdLanes: (id, holdMs) => destinations.holdLanes(id, holdMs, { isToHash: true }),
    releaseLanes: (hold) => destinations.releaseLanes(hold),
  };
  for await (const id of hashKey.clearDestinations(pageSize)) {
    try {
      const destination = await existing(destinations, id);
      // Several processes do this at once. Asked first without a hold: while there is one, events are refused.
      if (destination.hashesKeys) continue;
      const { events, pausedLanes } = await lanes.waiting(destination);
      if (events + pausedLanes > 0) continue;
      await withEmptyLanes(id, holds, lanes, (hold, { version }) =>
        destinations.hashKeys(hold, version, { name: 'CAUSEWAY_HASH_KEYS' }),
      );
      logger.info({ destinationId: id }, 'its lanes have hashed names in Temporal from now on');
    } catch (error) {
      if (!(error instanceof CausewayError)) throw error;
      if (error.code === 'lanes_held') continue; // Another process is at it.
      logger.info({ destinationId: id, code: error.code }, 'its lanes keep clear names in Temporal for now');
    }
  }
}
