import { isIPv6 } from 'node:net';
import type { Context } from 'hono';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { CausewayError } from '../domain/error.ts';

/** So many tries may fail from one address in so long, in seconds, at each API process. */
const failuresMax = 10;
const windowSeconds = 60;

/** So often one key or link may sign in in that time, at each API process: each time leaves a row in the audit trail, for ever. */
const sessionsMax = 20;

/** Holds who guesses to a few tries, and who has a key or link to a few sessions. */
export class SignInLimit {
  private readonly failures = new RateLimiterMemory({ points: failuresMax, duration: windowSeconds });
  private readonly sessions = new RateLimiterMemory({ points: sessionsMax, duration: windowSeconds });

  /** Counts a sign-in with what was shown, by its digest. Throws `too_many_sign_ins`. */
  async counted(c: Context, shownDigest: Buffer): Promise<void> {
    await consumed(c, this.sessions, shownDigest.toString('base64'), 'This key or link signed in too often.');
  }

  /** Runs `signIn`, unless too many failed lately from there. A try counts until it succeeds, so that many at once are no way around. Throws `too_many_sign_ins`. */
  async guarded<T>(c: Context, address: string | undefined, signIn: () => Promise<T>): Promise<T> {
    const from = sourceOf(address);
    await consumed(c, this.failures, from, 'Signing in failed too often from your network.');
    const done = await signIn().catch(async (error: unknown) => {
      // Our own trouble is no guess.
      if (!(error instanceof CausewayError && error.code === 'unauthenticated')) await this.failures.reward(from);
      throw error;
    });
    await this.failures.reward(from);
    return done;
  }
}

async function consumed(c: Context, limiter: RateLimiterMemory, of: string, why: string): Promise<void> {
  try {
    await limiter.consume(of);
  } catch (refusal) {
    if (!(refusal instanceof RateLimiterRes)) throw refusal;
    const seconds = Math.max(Math.ceil(refusal.msBeforeNext / 1_000), 1);
    c.header('Retry-After', String(seconds));
    throw new CausewayError('too_many_sign_ins', `${why} Try again after ${seconds} s.`);
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
