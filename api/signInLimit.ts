import { isIPv6 } from 'node:net';
import type { Context } from 'hono';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { CausewayError } from '../domain/error.ts';

/** So many tries may fail from one address in so long, in seconds, at each API process. */
const failuresMax = 10;
const windowSeconds = 60;

/** Holds who guesses to a few tries. */
export class SignInLimit {
  private readonly failures = new RateLimiterMemory({ points: failuresMax, duration: windowSeconds });

  /** Runs `signIn`, unless too many failed lately from there. A try counts until it succeeds, so that many at once are no way around. Throws `too_many_sign_ins`. */
  async guarded<T>(c: Context, address: string | undefined, signIn: () => Promise<T>): Promise<T> {
    const from = sourceOf(address);
    try {
      await this.failures.consume(from);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const seconds = Math.max(Math.ceil(refusal.msBeforeNext / 1_000), 1);
      c.header('Retry-After', String(seconds));
      const remedy = `Signing in failed too often from your network. Try again after ${seconds} s.`;
      throw new CausewayError('too_many_sign_ins', remedy);
    }
    const done = await signIn().catch(async (error: unknown) => {
      // Our own trouble is no guess.
      if (!(error instanceof CausewayError && error.code === 'unauthenticated')) await this.failures.reward(from);
      throw error;
    });
    await this.failures.reward(from);
    return done;
  }
}

/** One subscriber has 2^64 IPv6 addresses and more. */
function sourceOf(address = 'unknown'): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address;
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const gap =
    tail === undefined ? [] : Array.from({ length: Math.max(8 - before.length - after.length, 0) }, () => '0');
  return [...before, ...gap, ...after].slice(0, 4).join(':');
}
