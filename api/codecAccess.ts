import type { MiddlewareHandler } from 'hono';
import { getCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import type { Scope } from '../domain/scope.ts';
import type { AppEnv } from './appEnv.ts';
import { apiKeyIn, type FindApiKey } from './authenticate.ts';
import { ScopeMissing } from './scopes.ts';

const loopbackOrigin = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+$/;
/** Holds the operator's API key: Temporal's UI sends no header of ours. A page's own script can't read it. */
export const codecCookie = 'causeway_codec';

/**
 * Lets a request pass whose API key, in the Authorization header or the cookie, has the scope. Throws `unauthenticated` or
 * {@link ScopeMissing}.
 */
export function codecAccess(find: FindApiKey, scope: Scope): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const cookie = getCookie(c, codecCookie);
    const header = c.req.header('authorization') ?? (cookie === undefined ? undefined : `Bearer ${cookie}`);
    const key = await apiKeyIn(find, header);
    if (!key.scopes.includes(scope)) throw new ScopeMissing(scope, key.scopes);
    c.set('apiKey', key);
    await next();
  };
}

/**
 * Which pages may read an answer: those of these origins, with the operator's cookie. Where none are named, those of this machine, without
 * it: then a page knows what it can send a key for.
 */
export function codecCors(origins: readonly string[] | undefined): MiddlewareHandler {
  const common = {
    allowMethods: ['POST', 'OPTIONS'],
    allowHeaders: ['content-type', 'x-namespace', 'authorization'],
  };
  if (origins) return cors({ ...common, origin: [...origins], credentials: true });
  return cors({ ...common, origin: (origin) => (loopbackOrigin.test(origin) ? origin : null) });
}
