import { ActivityNotFoundError } from '@temporalio/client';

export type LeaseOptions = {
  /** Writes the newest progress into Temporal; resolves when Temporal has confirmed it. */
  heartbeat: () => Promise<unknown>;
  /** After this long without a heartbeat Temporal starts another attempt, in ms. */
  heartbeatTimeoutMs: number;
  /** After this long it does so in any case, in ms. */
  attemptTimeoutMs: number;
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
  private readonly endsAtMs: number;
  private heldUntilMs: number;
  private timer: NodeJS.Timeout | undefined;
  private isOver = false;

  constructor(private readonly options: LeaseOptions) {
    const now = performance.now();
    this.heldUntilMs = now + this.heldMs;
    this.endsAtMs = now + options.attemptTimeoutMs * (1 - margin);
    this.timer = setTimeout(() => void this.renewOnAndOn(), firstHeartbeatMs);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** By the clock: after a pause of the whole process no timer may have run yet. */
  isHeld(): boolean {
    const now = performance.now();
    return !this.isOver && !this.signal.aborted && now < this.heldUntilMs && now < this.endsAtMs;
  }

  /** Writes the progress now; false where Temporal did not confirm it. */
  async write(): Promise<boolean> {
    const sentAtMs = performance.now();
    try {
      await this.options.heartbeat();
      this.heldUntilMs = Math.max(this.heldUntilMs, sentAtMs + this.heldMs);
      return true;
    } catch (error) {
      if (error instanceof ActivityNotFoundError) this.lose();
      return false;
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

  private get heldMs(): number {
    return this.options.heartbeatTimeoutMs * (1 - margin);
  }

  private async renewOnAndOn(): Promise<void> {
    const everyMs = this.options.heartbeatTimeoutMs / 5;
    // Not awaited: Temporal may not answer, and the lease ends all the same.
    void this.write();
    if (this.isOver) return;
    if (!this.isHeld()) return this.lose();
    const leftMs = Math.min(this.heldUntilMs, this.endsAtMs) - performance.now();
    this.timer = setTimeout(() => void this.renewOnAndOn(), Math.max(Math.min(everyMs, leftMs), 1));
  }
}
