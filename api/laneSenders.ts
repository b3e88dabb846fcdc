/** A connection that sent nothing for this long, in ms, is not counted on to send again soon. */
const recentMs = 1_000;

type Sending = { waiting: number; sentAtMs: number };

/**
 * The connections that send a lane its events: once all of those that sent lately wait for their answer, nothing more will
 * come until they have it, and to hold a block back for more is to hold them up.
 */
export class LaneSenders {
  /** By connection, the one that sent last at the end. */
  private readonly senders = new Map<object, Sending>();
  private waitingCount = 0;

  /** An event came over this connection. */
  sent(sender: object, nowMs: number): void {
    const known = this.senders.get(sender);
    const waiting = (known?.waiting ?? 0) + 1;
    if (waiting === 1) this.waitingCount++;
    if (known) this.senders.delete(sender);
    this.senders.set(sender, { waiting, sentAtMs: nowMs });
  }

  /** One of its events was answered. */
  answered(sender: object): void {
    const known = this.senders.get(sender);
    if (!known) return;
    known.waiting--;
    if (known.waiting === 0) this.waitingCount--;
  }

  /** Whether every connection that sent in the last second waits for an answer; false where none did. */
  allWait(nowMs: number): boolean {
    this.forgetOld(nowMs);
    return this.waitingCount > 0 && this.waitingCount === this.senders.size;
  }

  private forgetOld(nowMs: number): void {
    for (const [sender, { waiting, sentAtMs }] of this.senders) {
      if (nowMs - sentAtMs <= recentMs) return;
      if (waiting === 0) this.senders.delete(sender);
    }
  }
}
