import { setTimeout as sleep } from 'node:timers/promises';
import type { OpenDestination } from '../domain/destination.ts';

export type OpenDestinations = { open(id: string): Promise<OpenDestination | undefined> };

/** Another process's change is heard within a second; twice that, in ms. */
const heardWithinMs = 2_000;
const everyMs = 100;

/** Destinations as they are once this process has heard of `version`: what somebody has seen to it is taken into account. */
export const notBefore = (destinations: OpenDestinations, version = 0): OpenDestinations => ({
  open: async (id) => {
    const endMs = Date.now() + heardWithinMs;
    for (;;) {
      const destination = await destinations.open(id);
      if (!destination || destination.version >= version || Date.now() >= endMs) return destination;
      await sleep(everyMs);
    }
  },
});
