import { CausewayError } from '../domain/error.ts';

/** A batch waits for its turn no longer than this, in ms. */
const waitMsMax = 1_000;
/** Turns of the event loop that go to new connections between two batches, at the most. */
const freeTurnsMax = 32;

type Waiting = { sinceMs: number; go: () => void; refuse: (error: unknown) => void };

export type BatchTurnsOptions = {
  /** How many connections there have been. */
  connections?: () => number;
  /** A clock that nobody sets, in ms. */
  now?: () => number;
};

/**
 * Gives each batch a turn of the event loop of its own: to read and check one takes some 10 ms. Many in one turn would keep all
 * other requests waiting, and new connections most of all, of which Node accepts one a turn: while there are any, turns without
 * a batch go between. What waits too long is refused.
 */
export class BatchTurns {
  private readonly waiting: Waiting[] = [];
  private isDue = false;
  private freeTurns = 0;
  private connectionsBefore = 0;
  private readonly connections: () => number;
  private readonly now: () => number;

  constructor({ connections = () => 0, now = () => performance.now() }: BatchTurnsOptions = {}) {
    this.connections = connections;
    this.now = now;
  }

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
      if (!this.isFree()) this.next();
      this.schedule();
    });
  }

  /** Whether this turn goes to connections: the one before brought one, so there may be more. */
  private isFree(): boolean {
    const connections = this.connections();
    const isFree = connections !== this.connectionsBefore && this.freeTurns < freeTurnsMax;
    this.connectionsBefore = connections;
    this.freeTurns = isFree ? this.freeTurns + 1 : 0;
    return isFree;
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
