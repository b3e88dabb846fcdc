import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { OpenDestination } from '../domain/destination.ts';
import type { EarlierCredentials, Replaced } from '../store/earlierCredentials.ts';

export type LettingGoOptions = {
  earlierCredentials: Pick<EarlierCredentials, 'renew' | 'letGo' | 'leave'>;
  destinations: { open(id: string): Promise<OpenDestination | undefined> };
  hasLetGoBefore(destination: OpenDestination): boolean;
  logger: Logger;
};

/** Far below the time after which a silent worker counts as dead; in ms. */
const renewEveryMs = 2_000;

/** Tells the store that this worker runs, and when it has let go of credentials that were replaced. */
export class LettingGo {
  private readonly workerId = randomUUID();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;

  constructor(private readonly options: LettingGoOptions) {}

  /** Resolves after the first try to say so; it goes on trying. */
  async start(): Promise<void> {
    this.timer = setInterval(() => {
      this.looking ??= this.look().finally(() => {
        this.looking = undefined;
      });
    }, renewEveryMs).unref();
    await this.look();
  }

  /** Nothing is sent any more. Where the store can't be told, the worker counts as dead a little later. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
    await this.options.earlierCredentials.leave(this.workerId).catch(() => undefined);
  }

  private async look(): Promise<void> {
    const { earlierCredentials, logger } = this.options;
    try {
      for (const replaced of await earlierCredentials.renew(this.workerId)) await this.letGo(replaced);
    } catch (err) {
      logger.debug({ err }, 'replaced credentials could not be looked at');
    }
  }

  private async letGo(replaced: Replaced): Promise<void> {
    const { earlierCredentials, destinations, hasLetGoBefore, logger } = this.options;
    const { destinationId, beforeVersion } = replaced;
    const now = await destinations.open(destinationId);
    if (!now || now.version < beforeVersion || !hasLetGoBefore(now)) return;
    await earlierCredentials.letGo(this.workerId, replaced);
    logger.info({ destinationId, version: beforeVersion }, 'earlier credentials were let go of');
  }
}
