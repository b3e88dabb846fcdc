import type { MiddlewareHandler } from 'hono';
import { CausewayError } from '../domain/error.ts';
import { type ApiKey, digestOfApiKey } from '../store/apiKeys.ts';
import type { AppEnv } from './appEnv.ts';

export type FindApiKey = (digest: Buffer) => Promise<ApiKey | undefined>;

/** RFC 6750, with the scheme in any case. */
const bearer = /^bearer +([A-Za-z0-9._~+/=-]{1,200})$/i;

/** Lets a request pass that carries a known API key. Throws `unauthenticated`, which never says what was sent. */
export const authenticate =
  (find: FindApiKey): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    c.set('apiKey', await apiKeyIn(find, c.req.header('authorization')));
    await next();
  };

/** The API key in an Authorization header. Throws `unauthenticated`. */
export async function apiKeyIn(find: FindApiKey, header: string | undefined): Promise<ApiKey> {
  if (header === undefined) throw unauthenticated('There is no Authorization header.');
  const [, key] = bearer.exec(header) ?? [];
  if (key === undefined) throw unauthenticated('The Authorization header is not of the form "Bearer <key>".');
  const known = await find(digestOfApiKey(key));
  if (!known) throw unauthenticated('The API key is unknown.');
  return known;
}

const unauthenticated = (why: string): CausewayError =>
  new CausewayError('unauthenticated', `${why} Send "Authorization: Bearer" and a valid API key.`);
