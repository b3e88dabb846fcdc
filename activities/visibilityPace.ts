import { CausewayError } from '../domain/error.ts';

/** Temporal takes about ten visibility calls a second for a whole namespace; keepers need some, and other API processes. */
const spacingMs = 250;
/** After a while without calls so many may follow each other at once. */
const burst = 4;
/** Who would have to wait longer for a turn, in ms, is told to come again. */
const waitMsMax = 3_000;
/** So long the answer is everybody's who asks the same, in ms: visibility itself lags about as much behind. */
const sharedForMs = 1_000;

/** Spaces this process's calls of Temporal's visibility, and gives all who ask the same within a second one answer. */
export class VisibilityPace {
  private nextAtMs = Number.NEGATIVE_INFINITY;
  private readonly answers = new Map<string, Promise<unknown>>();

  /** The answer of `call`, or that of another call of the same name. Throws `overloaded` where too many wait. */
  async shared<T>(name: string, call: () => Promise<T>): Promise<T> {
    const known = this.answers.get(name);
    if (known) return (await known) as T; // A name stands for one kind of call.
    const answer = this.inTurn(call);
    this.answers.set(name, answer);
    const forget = (): boolean => this.answers.delete(name);
    answer.then(() => setTimeout(forget, sharedForMs).unref(), forget);
    return await answer;
  }

  /** The answer of `call`, made for this caller alone. Throws `overloaded` where too many wait. */
  async inTurn<T>(call: () => Promise<T>): Promise<T> {
    const nowMs = performance.now();
    const atMs = Math.max(this.nextAtMs, nowMs - (burst - 1) * spacingMs);
    if (atMs - nowMs > waitMsMax) {
      throw new CausewayError('overloaded', 'Too many lists of lanes are asked for at once. Ask again after a second.');
    }
    this.nextAtMs = atMs + spacingMs;
    if (atMs > nowMs) await new Promise((resolve) => setTimeout(resolve, atMs - nowMs));
    return await call();
  }
}
