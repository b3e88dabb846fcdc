import type { Context } from 'hono';
import { deleteCookie, setCookie } from 'hono/cookie';
import { addressOf } from './actor.ts';
import type { App, AppEnv } from './appEnv.ts';
import { apiKeyIn, type FindApiKey } from './authenticate.ts';
import { codecCookie } from './codecAccess.ts';
import { limitBody } from './limitBody.ts';
import { ScopeMissing } from './scopes.ts';
import { SignInLimit } from './signInLimit.ts';

const path = '/codec/sign-in';
const formBytesMax = 4 * 1024;
/** A working day, in seconds. */
const cookieSeconds = 12 * 60 * 60;
const loopback = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/;

const pageOf = (text: string, button: string, field: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Causeway: event contents in Temporal's UI</title>
  </head>
  <body>
    <h1>Event contents in Temporal's UI</h1>
    <p>${text}</p>
    <form method="post" action="${path}">${field}<button>${button}</button></form>
  </body>
</html>
`;
const keyField = '<label>API key <input type="password" name="key" autocomplete="off" required autofocus></label> ';
const signedOut = pageOf(
  'They are encrypted. With an API key of the scope "read" this browser may have them decrypted, for twelve hours.',
  'Sign in',
  keyField,
);
const signedIn = pageOf(
  "This browser may have them decrypted. In Temporal's UI set the codec endpoint to this API's address with /codec, and let it include cross-origin credentials.",
  'Sign out',
  '',
);

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** `/codec/sign-in`: a page that keeps an operator's API key in a cookie which the codec endpoint alone is sent. */
export function codecSignIn(app: App, find: FindApiKey): void {
  const limit = new SignInLimit();
  app.get(path, (c) => c.body(signedOut, 200, headers));
  app.post(path, limitBody(formBytesMax), async (c) => {
    const { key } = await c.req.parseBody();
    const options = cookieOptions(c);
    if (typeof key !== 'string') {
      deleteCookie(c, codecCookie, options);
      return c.body(signedOut, 200, headers);
    }
    const { scopes } = await limit.guarded(c, addressOf(c), () => apiKeyIn(find, `Bearer ${key.trim()}`));
    if (!scopes.includes('read')) throw new ScopeMissing('read', scopes);
    setCookie(c, codecCookie, key.trim(), { ...options, maxAge: cookieSeconds });
    return c.body(signedIn, 200, headers);
  });
}

/** `Strict`: Temporal's UI must be on the same site. Only on this machine it may go without TLS. */
const cookieOptions = (c: Context<AppEnv>) => ({
  path: '/codec',
  httpOnly: true,
  sameSite: 'Strict' as const,
  secure: !loopback.test(c.req.header('host') ?? ''),
});
