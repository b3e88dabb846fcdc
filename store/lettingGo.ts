import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { OpenDestination } from '../domain/destination.ts';
import type { EarlierCredentials, Replaced } from './earlierCredentials.ts';

export type LettingGoOptions = {
  earlierCredentials: Pick<EarlierCredentials, 'renew' | 'letGo' | 'leave'>;
  destinations: { open(id: string): Promise<OpenDestination | undefined> };
  /** What uses credentials here, and knows whether it uses none of an earlier version any more. */
  users: readonly { hasLetGoBefore(destination: OpenDestination): boolean }[];
  /** Lets the keeper of the destination, where there is one, know of the credentials that this worker has now. */
  tellKeeper(destinationId: string, version: number): Promise<void>;
  logger: Logger;
};

/** Far below the time after which a silent worker counts as dead; in ms. */
const renewEveryMs = 2_000;
const firstAgainMs = 500;

/** Tells the store that this process, a worker or an API, runs, and when it has let go of credentials that were replaced. */
export class LettingGo {
  private readonly workerId = randomUUID();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<boolean> | undefined;

  constructor(private readonly options: LettingGoOptions) {}

  /** Resolves once it has been said: a process that nobody counts must not use credentials. */
  async start(): Promise<void> {
    for (let tries = 1; !(await this.look()); tries++) {
      if (tries === 1) this.options.logger.warn('the store does not take that this process runs: it waits');
      await sleep(firstAgainMs);
    }
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => {
        this.looking = undefined;
      });
    }, renewEveryMs).unref();
  }

  /** Nothing is sent any more. Where the store can't be told, the worker counts as dead a little later. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    await this.options.earlierCredentials.leave(this.workerId).catch(() => undefined);
  }

  /** Whether the store could be told that this worker runs. */
  private async look(): Promise<boolean> {
    const { earlierCredentials, logger } = this.options;
    try {
      for (const replaced of await earlierCredentials.renew(this.workerId)) await this.letGo(replaced);
      return true;
    } catch (err) {
      logger.debug({ err }, 'replaced credentials could not be looked at');
      return false;
    }
  }

  /** One that can't be let go of keeps its own note, and nobody else's. */
  private async letGo(replaced: Replaced): Promise<void> {
    const { earlierCredentials, destinations, users, tellKeeper, logger } = this.options;
    const { destinationId, beforeVersion } = replaced;
    try {
      const now = await destinations.open(destinationId);
      if (!now || now.version < beforeVersion || !users.every((user) => user.hasLetGoBefore(now))) return;
      await earlierCredentials.letGo(this.workerId, replaced);
      logger.info({ destinationId, version: beforeVersion }, 'earlier credentials were let go of');
      // So does the API, unless it died as it replaced them. Not awaited: without a sign of life in time this worker counts as dead.
      tellKeeper(destinationId, beforeVersion).catch((err: unknown) => {
        logger.debug({ err, destinationId }, 'its keeper could not be told of new credentials');
      });
    } catch (err) {
      logger.debug({ err, destinationId }, 'whether earlier credentials are let go of could not be seen');
    }
  }
}
