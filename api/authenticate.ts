import type { Context, MiddlewareHandler } from 'hono';
import { CausewayError } from '../domain/error.ts';
import { type ApiKey, digestOfApiKey } from '../store/apiKeys.ts';
import type { PortalLink } from '../store/portalLinks.ts';
import type { StoredSession } from '../store/sessions.ts';
import type { AppEnv } from './appEnv.ts';
import { checkOrigin, checkToken, type PublicUrl, tokenIn } from './sessionCookie.ts';

export type FindApiKey = (digest: Buffer) => Promise<ApiKey | undefined>;
export type FindSession = (token: string) => Promise<StoredSession | undefined>;

/** How requests without an API key are let in: by the cookie of a session. */
export type SignedIn = { findApiKey: FindApiKey; findSession: FindSession; publicUrl: PublicUrl };

/** RFC 6750, with the scheme in any case. */
const bearer = /^bearer +([A-Za-z0-9._~+/=-]{1,200})$/i;

/**
 * Lets a request pass that carries a known API key, or in place of it the cookie of a session. Throws `unauthenticated`, which never says what was
 * sent, and `csrf`.
 */
export const authenticate =
  (find: FindApiKey, signedIn?: SignedIn): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const header = c.req.header('authorization');
    if (header === undefined && signedIn && (await enter(c, signedIn))) return next();
    c.set('apiKey', await apiKeyIn(find, header));
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

/** Lets a request in by its cookie; false where it has none. */
async function enter(c: Context<AppEnv>, signedIn: SignedIn): Promise<boolean> {
  const found = await sessionIn(c, signedIn);
  if (!found) return false;
  checkToken(c, found.token);
  c.set('apiKey', found.apiKey);
  c.set('via', found.link ? 'portal' : 'dashboard');
  if (found.link) c.set('portal', { ...found.link, linkId: found.link.id });
  c.header('Cache-Control', 'no-store'); // No other session at this browser gets what this one was shown.
  c.header('X-Content-Type-Options', 'nosniff');
  c.header('Cross-Origin-Resource-Policy', 'same-origin');
  return true;
}

/** Who has signed in: with this key, or by this link, for which the key stands in. */
export type Entered = { token: string; apiKey: ApiKey; link?: PortalLink; expiresAt: Date };

/** A customer's browser needs no more; one customer must not keep the others waiting. */
const portalRequestsPerSecond = 50;

/** The session of the request's cookie; undefined where there is no cookie. Throws `unauthenticated` where it is over, and `csrf`. */
export async function sessionIn(c: Context, signedIn: SignedIn): Promise<Entered | undefined> {
  const token = tokenIn(c, signedIn.publicUrl);
  if (token === undefined) return undefined;
  checkOrigin(c, signedIn.publicUrl);
  const session = await signedIn.findSession(token);
  if (!session) throw sessionOver();
  const { expiresAt } = session;
  if ('link' in session) return { token, apiKey: standInOf(session.link), link: session.link, expiresAt };
  const apiKey = await signedIn.findApiKey(session.keyDigest);
  if (!apiKey) throw sessionOver();
  return { token, apiKey, expiresAt };
}

/** For names in histories and the audit trail, and for what is counted by key. */
export const standInOf = ({ id, name, customerExternalId }: PortalLink): ApiKey => ({
  ...{ id, name: `portal link ${name ?? `of ${customerExternalId}`}`, scopes: [] },
  requestsPerSecond: portalRequestsPerSecond,
});

const unauthenticated = (why: string): CausewayError =>
  new CausewayError('unauthenticated', `${why} Send "Authorization: Bearer" and a valid API key.`);

export const sessionOver = (): CausewayError =>
  new CausewayError(
    'unauthenticated',
    'The session is over. Sign in again with an API key, or open the portal link again.',
  );
