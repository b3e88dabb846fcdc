/** The cookie of a session of the dashboard, and what keeps other pages from using it. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { CausewayError } from '../domain/error.ts';

/** How the API is reached from outside, as far as it has been told. */
export type PublicUrl = string | undefined;

const name = 'causeway_session';
export const csrfHeader = 'X-CSRF-Token';

/** Over TLS browsers keep the cookie from plain HTTP and from other hosts of the same domain (`__Host-`). */
const isSecure = (c: Context, publicUrl: PublicUrl): boolean =>
  publicUrl === undefined
    ? /^https\s*(,|$)/i.test(c.req.header('x-forwarded-proto') ?? '') // Of several proxies the first one is the browser's.
    : publicUrl.startsWith('https:');

const options = (c: Context, publicUrl: PublicUrl) => {
  const always = { path: '/', httpOnly: true, sameSite: 'Strict' } as const;
  return isSecure(c, publicUrl) ? ({ ...always, prefix: 'host', secure: true } as const) : always;
};

/** What the request's cookie holds, which may be anything. */
export function tokenIn(c: Context, publicUrl: PublicUrl): string | undefined {
  const token = isSecure(c, publicUrl) ? getCookie(c, name, 'host') : getCookie(c, name);
  return token !== undefined && /^[\w-]{43}$/.test(token) ? token : undefined;
}

export const keepToken = (c: Context, publicUrl: PublicUrl, token: string, until: Date): void =>
  setCookie(c, name, token, {
    ...options(c, publicUrl),
    maxAge: Math.max(Math.floor((until.getTime() - Date.now()) / 1_000), 0),
  });

export const forgetToken = (c: Context, publicUrl: PublicUrl): void => {
  deleteCookie(c, name, options(c, publicUrl));
};

/** Follows from the cookie, which no script can read, and does not lead back to it. */
export const csrfTokenOf = (token: string): string =>
  createHmac('sha256', token).update('causeway csrf').digest('base64url');

const isEqual = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/**
 * Refuses a request with the cookie that another page may have made, of another port of this host too, which a SameSite cookie does not
 * keep out. Browsers say where a request comes from in headers that no page can set. Throws `csrf`.
 */
export function checkOrigin(c: Context, publicUrl: PublicUrl): void {
  const site = c.req.header('sec-fetch-site');
  // `none`: a person typed the address.
  const isOurs = site === undefined || site === 'same-origin' || (site === 'none' && isRead(c));
  const origin = c.req.header('origin');
  if (isOurs && (origin === undefined || origins(c, publicUrl).includes(origin))) return;
  throw new CausewayError(
    'csrf',
    'The request was made by a page of another origin. Use the dashboard at its own address.',
  );
}

/** Refuses a change that does not carry the session's token. Throws `csrf`. */
export function checkToken(c: Context, token: string): void {
  if (isRead(c)) return;
  const given = c.req.header(csrfHeader) ?? '';
  if (isEqual(given, csrfTokenOf(token))) return;
  const remedy = `Without an API key, a request that is no GET needs the header ${csrfHeader}: the csrfToken of GET /v1/session.`;
  throw new CausewayError('csrf', remedy);
}

const isRead = (c: Context): boolean => c.req.method === 'GET' || c.req.method === 'HEAD';

/** The origins that are ours: as we were told, or as the request reached us, of which no page can choose the host. */
function origins(c: Context, publicUrl: PublicUrl): string[] {
  const host = c.req.header('host');
  const asked = host === undefined ? [] : [`http://${host}`, `https://${host}`];
  return publicUrl === undefined ? asked : [publicUrl, ...asked];
}

/** Where the dashboard is for whoever asked. */
export function originOf(c: Context, publicUrl: PublicUrl): string {
  if (publicUrl !== undefined) return publicUrl;
  return `${isSecure(c, publicUrl) ? 'https' : 'http'}://${c.req.header('host') ?? new URL(c.req.url).host}`;
}
