import type { Logger } from 'pino';
import { isKeyError } from '../domain/encryptionCodec.ts';
import { CausewayError } from '../domain/error.ts';

/** A worker without a key meets it with each task: our log says so this often, in ms. */
const saidEveryMs = 10_000;
/** What was met longer ago says nothing of now, in ms. */
const recentMs = 5 * 60_000;

export type KeyAlarm = 'PAYLOAD_KEY_MISSING' | 'HASH_KEYS_DIFFER';

export type PayloadKeyWatchOptions = {
  logger: Pick<Logger, 'error' | 'warn'>;
  /** Is told each time which alarm it is, for a counter. */
  onAlarm?: (alarm: KeyAlarm) => void;
  now?: () => number;
};

/** Raises an alarm where this process lacks a key of payloads. What it could not read is tried again, here or elsewhere. */
export class PayloadKeyWatch {
  private readonly now: () => number;
  private saidAtMs = Number.NEGATIVE_INFINITY;
  private latest: { error: CausewayError; atMs: number } | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: PayloadKeyWatchOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** For the codec: a payload came that needs a key which is not there. */
  readonly met = (error: CausewayError): void => {
    const { logger, onAlarm } = this.options;
    const nowMs = this.now();
    this.latest = { error, atMs: nowMs };
    onAlarm?.('PAYLOAD_KEY_MISSING');
    if (nowMs - this.saidAtMs < saidEveryMs) return;
    this.saidAtMs = nowMs;
    logger.error(
      { alarm: 'PAYLOAD_KEY_MISSING', code: error.code, remedy: error.remedy },
      'a key of payloads is not there',
    );
  };

  /** What was met within the last five minutes. */
  get trouble(): CausewayError | undefined {
    return this.latest && this.now() - this.latest.atMs < recentMs ? this.latest.error : undefined;
  }

  /**
   * Calls `use` (of the store's register), then again now and then, so that a key that another process has begun to use is noticed.
   * Rejects as the first call does.
   */
  async begin(everyMs: number, use: () => Promise<void>): Promise<void> {
    await use();
    this.timer = setInterval(() => {
      use().catch((error: unknown) => {
        if (isKeyError(error)) this.met(error);
        // Whether the store is there others say.
        else if (error instanceof CausewayError && error.code === 'hash_keys_differ') this.differs(error);
      });
    }, everyMs);
    this.timer.unref();
  }

  private differs(error: CausewayError): void {
    const { logger, onAlarm } = this.options;
    onAlarm?.('HASH_KEYS_DIFFER');
    logger.error({ alarm: 'HASH_KEYS_DIFFER', remedy: error.remedy }, 'API and workers differ in CAUSEWAY_HASH_KEYS');
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
