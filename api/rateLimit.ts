import type { MiddlewareHandler } from 'hono';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { CausewayError } from '../domain/error.ts';
import type { AppEnv } from './appEnv.ts';

/** Requests are counted over so long, in seconds: what a key may make in it, it may make at once. */
const windowSeconds = 1;

/**
 * Holds each API key to the requests that it may make in a second, at this process; one without a limit is not counted. Answers carry
 * `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10). Throws `rate_limited`.
 */
export function rateLimit(): MiddlewareHandler<AppEnv> {
  /** By how many requests they let pass. */
  const limiters = new Map<number, RateLimiterMemory>();
  const limiterOf = (points: number): RateLimiterMemory => {
    const known = limiters.get(points) ?? new RateLimiterMemory({ points, duration: windowSeconds });
    limiters.set(points, known);
    return known;
  };
  return async (c, next) => {
    const { id, requestsPerSecond } = c.var.apiKey;
    if (requestsPerSecond === undefined) return next();
    const { left, isOver, seconds } = await used(limiterOf(requestsPerSecond), id);
    c.header('RateLimit-Policy', `"key";q=${requestsPerSecond};w=${windowSeconds}`);
    c.header('RateLimit', `"key";r=${left};t=${seconds}`);
    if (isOver) {
      c.header('Retry-After', String(seconds));
      throw new CausewayError(
        'rate_limited',
        `The API key may make ${requestsPerSecond} requests a second. Send it again after ${seconds} s, or more events in one request.`,
      );
    }
    await next();
  };
}

async function used(
  limiter: RateLimiterMemory,
  keyId: string,
): Promise<{ left: number; isOver: boolean; seconds: number }> {
  const told = ({ remainingPoints, msBeforeNext }: RateLimiterRes, isOver: boolean) => ({
    ...{ left: Math.max(remainingPoints, 0), isOver, seconds: Math.max(Math.ceil(msBeforeNext / 1_000), 1) },
  });
  try {
    return told(await limiter.consume(keyId), false);
  } catch (refusal) {
    if (refusal instanceof RateLimiterRes) return told(refusal, true);
    throw refusal;
  }
}
