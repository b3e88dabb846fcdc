/**
 * Keeps what comes at one moment apart: the first goes on at once, each next one `everyMs` later. Who would have to wait longer than `waitMsMax` has some time
 * up to that. Both in ms.
 */
export class Spacing {
  private nextAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: { everyMs: number; waitMsMax: number }) {}

  /** Resolves when it is the caller's turn, and at once when `signal` aborts; calls `onWait` where that is not now. */
  async turn(signal: AbortSignal, onWait: () => void): Promise<void> {
    const waitMs = this.place();
    if (waitMs === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', go);
        resolve();
      };
      const timer = setTimeout(go, waitMs);
      signal.addEventListener('abort', go, { once: true });
      onWait();
    });
  }

  private place(): number {
    const { everyMs, waitMsMax } = this.options;
    const nowMs = performance.now();
    const atMs = Math.max(this.nextAtMs, nowMs);
    if (atMs - nowMs > waitMsMax) return Math.random() * waitMsMax;
    this.nextAtMs = atMs + everyMs;
    return atMs - nowMs;
  }
}
