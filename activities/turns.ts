import { CausewayError } from '../domain/error.ts';

/** Lets so many works go on at once, and so many more wait for their turn, the one that came first before the others. */
export class Turns {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly most: { atOnce: number; waiting: number },
    /** What is said to who comes when too many wait. */
    private readonly tooMany: string,
  ) {}

  /**
   * The answer of `work`, once it had its turn. Rejects with `overloaded`, and has not begun it, where too many wait; with what `signal` was
   * aborted for, where that was before its turn: it waits no longer, and another one may in its place.
   */
  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted();
    if (this.running < this.most.atOnce) this.running++;
    else await this.turn(signal);
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next)
        next(); // It takes over this one's place.
      else this.running--;
    }
  }

  private turn(signal?: AbortSignal): Promise<void> {
    if (this.waiting.length >= this.most.waiting) throw new CausewayError('overloaded', this.tooMany);
    return new Promise((go, fail) => {
      const leave = (): void => {
        this.waiting.splice(this.waiting.indexOf(begin), 1);
        fail(signal?.reason);
      };
      const begin = (): void => {
        signal?.removeEventListener('abort', leave);
        go();
      };
      this.waiting.push(begin);
      signal?.addEventListener('abort', leave, { once: true });
    });
  }
}
