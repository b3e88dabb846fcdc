import { ActivityNotFoundError } from '@temporalio/client';

export type LeaseOptions = {
  /** Writes the newest progress into Temporal; resolves when Temporal has confirmed it. */
  heartbeat: () => Promise<unknown>;
  /** After this long without a heartbeat Temporal starts another attempt, in ms. */
  heartbeatTimeoutMs: number;
  /** After this long it does so in any case, in ms. */
  attemptTimeoutMs: number;
  /** When Temporal scheduled this attempt, in ms since the epoch: its task may have lain in our socket since. */
  scheduledAtMs: number;
};

/** A try that ends sooner than this tells Temporal nothing before its result: that saves a write for nearly all. */
const firstHeartbeatMs = 300;
/** So much of the time is left unused, for what two clocks and a busy process may be apart. */
const margin = 0.2;

/**
 * The right to write to the customer's Kafka: held only while Temporal can't have started another attempt of this activity.
 * It is renewed by heartbeats that Temporal has confirmed, counted from when they were sent. `signal` fires when it ends.
 * docs/decisions/lease.md
 */
export class Lease {
  private readonly controller = new AbortController();
  private readonly started = bothClocks();
  private confirmed: Clocks;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(private readonly options: LeaseOptions) {
    const { monotonicMs, wallMs } = this.started;
    const onItsWayMs = Math.max(wallMs - options.scheduledAtMs, 0);
    this.confirmed = { monotonicMs: monotonicMs - onItsWayMs, wallMs: wallMs - onItsWayMs };
  }

  /**
   * Begins to hold it. A task that was long on its way may be of an attempt that Temporal has given up: a worker that stood
   * still finds several. So Temporal is asked first.
   */
  async take(): Promise<void> {
    if (!this.isHeld()) {
      const lost = new Promise((resolve) => this.signal.addEventListener('abort', resolve, { once: true }));
      this.timer = setTimeout(() => this.lose(), this.options.heartbeatTimeoutMs);
      await Promise.race([this.renew(), lost]);
      clearTimeout(this.timer);
    }
    if (this.isHeld()) this.timer = setTimeout(() => this.renewOnAndOn(), firstHeartbeatMs);
    else this.lose();
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** By the clock: after a pause of the whole process no timer may have run yet. */
  isHeld(): boolean {
    return !this.isOver && !this.signal.aborted && this.leftMs() > 0;
  }

  /** Tells Temporal at once, beside the heartbeats that come by themselves. */
  tellNow(): void {
    if (this.isHeld()) void this.renew();
  }

  private async renew(): Promise<void> {
    const sent = bothClocks();
    try {
      await this.options.heartbeat();
      if (sent.monotonicMs > this.confirmed.monotonicMs) this.confirmed = sent;
    } catch (error) {
      if (error instanceof ActivityNotFoundError) this.lose();
    }
  }

  /** The attempt is over: no more heartbeats. */
  end(): void {
    this.isOver = true;
    clearTimeout(this.timer);
  }

  lose(): void {
    this.end();
    this.controller.abort();
  }

  private leftMs(): number {
    const { heartbeatTimeoutMs, attemptTimeoutMs } = this.options;
    const heldMs = heartbeatTimeoutMs * (1 - margin) - msSince(this.confirmed);
    return Math.min(heldMs, attemptTimeoutMs * (1 - margin) - msSince(this.started));
  }

  private renewOnAndOn(): void {
    const everyMs = this.options.heartbeatTimeoutMs / 5;
    // Not awaited: Temporal may not answer, and the lease ends all the same.
    void this.renew();
    if (this.isOver) return;
    if (this.isHeld()) {
      this.timer = setTimeout(() => this.renewOnAndOn(), Math.max(Math.min(everyMs, this.leftMs()), 1));
    } else this.lose();
  }
}

type Clocks = { monotonicMs: number; wallMs: number };
const bothClocks = (): Clocks => ({ monotonicMs: performance.now(), wallMs: Date.now() });

/** By the clock that ran further: the monotonic one stands still while a machine sleeps, the other one can be set back. */
const msSince = ({ monotonicMs, wallMs }: Clocks): number =>
  Math.max(performance.now() - monotonicMs, Date.now() - wallMs);
