import type { FetchedToken } from './tokenEndpoint.ts';

/** A token is renewed when so much of its life is left: the rest of the Java client's `sasl.login.refresh.window.factor`. */
const renewAtShareLeft = 0.2;
/** …or so much, in ms; but of a short life, half: who is shown a token again, before a session ends, must be shown a new one. */
const renewAtLeftMs = 10_000;
/** An old token is not used in its last moments, in ms: it must reach the broker, whose clock may be ahead. */
const marginMs = 5_000;
const marginShare = 0.5;

const renewAfterMs = (lifeMs: number): number =>
  lifeMs - Math.min(Math.max(lifeMs * renewAtShareLeft, renewAtLeftMs), lifeMs / 2);
const usableForMs = (lifeMs: number): number => lifeMs - Math.min(marginMs, lifeMs * marginShare);

type Held = { value: string; renewAtMs: number; usableUntilMs: number };

/** The access token of one destination, shared by its connections: one request to the token endpoint serves them all. */
export class AccessTokens {
  private held: Held | undefined;
  private fetching: Promise<string> | undefined;

  constructor(
    private readonly fetch: () => Promise<FetchedToken>,
    private readonly nowMs: () => number = () => performance.now(),
  ) {}

  /** A token that holds for a while yet. Rejects as the token endpoint does. */
  async current(): Promise<string> {
    if (this.held && this.nowMs() < this.held.renewAtMs) return this.held.value;
    this.fetching ??= this.renewed().finally(() => {
      this.fetching = undefined;
    });
    return await this.fetching;
  }

  /** A broker does not take it: the next one is asked for anew. */
  refused(value: string): void {
    if (this.held?.value === value) this.held = undefined;
  }

  private async renewed(): Promise<string> {
    const askedAtMs = this.nowMs();
    try {
      const { value, lifeMs } = await this.fetch();
      this.held = {
        value,
        renewAtMs: askedAtMs + renewAfterMs(lifeMs),
        usableUntilMs: askedAtMs + usableForMs(lifeMs),
      };
      return value;
    } catch (error) {
      const old = this.held;
      if (old && this.nowMs() < old.usableUntilMs) return old.value;
      throw error;
    }
  }
}
