/**
 * Keeps what comes at one moment apart: the first goes on at once, each next one `everyMs` later. Who would have to wait longer than `waitMsMax` goes on
 * at once, too. Both in ms.
 */
export class Spacing {
  private nextAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: { everyMs: number; waitMsMax: number }) {}

  /** Resolves when it is the caller's turn; calls `onWait` first where that is not now. */
  async turn(onWait: () => void): Promise<void> {
    const { everyMs, waitMsMax } = this.options;
    const nowMs = performance.now();
    const atMs = Math.max(this.nextAtMs, nowMs);
    if (atMs - nowMs > waitMsMax) return;
    this.nextAtMs = atMs + everyMs;
    if (atMs === nowMs) return;
    onWait();
    await new Promise((resolve) => setTimeout(resolve, atMs - nowMs));
  }
}
