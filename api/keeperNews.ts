import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { callKeeper } from '../activities/keeperCall.ts';

/** Pauses between tries, in ms. After the last one the keeper's own looks are left, and the lanes'. */
const againAfterMs = [500, 2_000, 10_000, 30_000];

/**
 * Tells a destination's keeper that it was changed, behind the back of the request: the change is stored, whether Temporal
 * answers or not. Should this process die first, the keeper hears of the change from the store while it watches, and
 * looks by itself within a quarter of an hour otherwise.
 */
export const keeperNews =
  (client: Client, taskQueue: string, logger: Logger) =>
  (destinationId: string, version: number): void => {
    const tell = async (): Promise<void> => {
      for (const pauseMs of [...againAfterMs, undefined]) {
        try {
          return await callKeeper(client, taskQueue, destinationId, ['changed', { version }]);
        } catch (err) {
          logger.warn({ err, destinationId }, 'the keeper of a changed destination was not reached');
          if (pauseMs !== undefined) await sleep(pauseMs, undefined, { ref: false });
        }
      }
    };
    void tell();
  };
