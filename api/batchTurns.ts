import { CausewayError } from '../domain/error.ts';

/** A batch waits for its turn no longer than this, in ms. */
const waitMsMax = 1_000;

type Waiting = { sinceMs: number; go: () => void; refuse: (error: unknown) => void };

/**
 * Gives each batch a turn of the event loop of its own: to read and check one takes some 10 ms. Many in one turn would keep all
 * other requests waiting, and new connections most of all, of which Node accepts one a turn. What waits too long is refused
 * before it is read.
 */
export class BatchTurns {
  private readonly waiting: Waiting[] = [];
  private isDue = false;

  /** `now` is a clock that nobody sets, in ms. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Resolves when it is this batch's turn. Rejects with `overloaded` where that takes too long. */
  mine(): Promise<void> {
    return new Promise((go, refuse) => {
      this.waiting.push({ sinceMs: this.now(), go, refuse });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isDue || this.waiting.length === 0) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      this.next();
      this.schedule();
    });
  }

  private next(): void {
    const oldestMs = this.now() - waitMsMax;
    for (let one = this.waiting.shift(); one; one = this.waiting.shift()) {
      if (one.sinceMs >= oldestMs) {
        one.go();
        return;
      }
      one.refuse(new CausewayError('overloaded', 'This process is behind with its work. Send again after a second.'));
    }
  }
}
