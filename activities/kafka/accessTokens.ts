import type { FetchedToken } from './tokenEndpoint.ts';

/** A token is renewed when so much of its life is over: the Java client's `sasl.login.refresh.window.factor`. */
const renewAfterShare = 0.8;
/** An old token is not used in its last moments: it must reach the broker, whose clock may be ahead, in ms. */
const marginMs = 5_000;

type Held = { value: string; renewAtMs: number; endsAtMs: number };

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
      this.held = { value, renewAtMs: askedAtMs + lifeMs * renewAfterShare, endsAtMs: askedAtMs + lifeMs };
      return value;
    } catch (error) {
      const old = this.held;
      if (old && this.nowMs() < old.endsAtMs - marginMs) return old.value;
      throw error;
    }
  }
}
