import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';
import { digestOfApiKey } from '../store/apiKeys.ts';
import type { Sessions } from '../store/sessions.ts';
import { actorNamed, addressOf } from './actor.ts';
import type { App, AppEnv } from './appEnv.ts';
import { type Entered, type SignedIn, sessionIn, sessionOver, standInOf } from './authenticate.ts';
import { limitBody } from './limitBody.ts';
import { problemResponses } from './schemas/problem.ts';
import { newSessionSchema, type Session, sessionSchema } from './schemas/session.ts';
import { checkOrigin, checkToken, csrfTokenOf, forgetToken, keepToken, tokenIn } from './sessionCookie.ts';
import { SignInLimit } from './signInLimit.ts';

export type SessionRouteOptions = SignedIn & {
  sessions: Pick<Sessions, 'beginWithKey' | 'beginByLink' | 'end'>;
  /** Where the Temporal UI shows the workflows of our namespace. */
  temporalUi?: string | undefined;
};

const bodyBytesMax = 4 * 1024;
const content = { 'application/json': { schema: sessionSchema } };
const common = { path: '/v1/session', tags: ['Dashboard'] };
const ofCookie = [{ session: [] }];

const signIn = createRoute({
  ...common,
  method: 'post',
  summary: 'Sign in to the dashboard',
  description:
    'With an API key, whose scopes the session has, or with what stands in a portal link. The answer sets a cookie that no script can read, and a session before it ends. Ten failures in a minute from one address are answered 429 until the minute is over, and so is the twenty-first sign-in with one key or link.',
  security: [],
  middleware: limitBody(bodyBytesMax),
  request: { body: { required: true, content: { 'application/json': { schema: newSessionSchema } } } },
  responses: { 201: { description: 'Signed in.', content }, ...problemResponses(400, 401, 403, 413, 415, 422, 503) },
});
const show = createRoute({
  ...common,
  method: 'get',
  summary: 'Show who is signed in',
  security: ofCookie,
  responses: { 200: { description: 'The session of the cookie.', content }, ...problemResponses(401, 403, 503) },
});
const signOut = createRoute({
  ...common,
  method: 'delete',
  summary: 'Sign out',
  description: 'The session ends at every API process at once. Needs `X-CSRF-Token`.',
  security: ofCookie,
  responses: { 204: { description: 'Signed out.' }, ...problemResponses(401, 403, 503) },
});

const noStore = { 'Cache-Control': 'no-store' };

/** `/v1/session`: sign in, show, sign out. To be added before what asks for an API key: these need none. */
export function sessionRoutes(app: App, options: SessionRouteOptions): void {
  const { publicUrl, sessions } = options;
  const limit = new SignInLimit();
  app.openapi(signIn, async (c) => {
    checkOrigin(c, publicUrl); // Nobody is signed in as somebody else by another page.
    const asked = c.req.valid('json');
    const entered = await limit.guarded(c, addressOf(c), async () => {
      await limit.counted(c, digestOfApiKey(asked.apiKey ?? asked.portalToken ?? ''));
      return await begun(c, options, asked);
    });
    keepToken(c, publicUrl, entered.token, entered.expiresAt);
    return c.json(shown(entered, options.temporalUi), 201, noStore);
  });
  app.openapi(show, async (c) => c.json(shown(await entered(c, options), options.temporalUi), 200, noStore));
  app.openapi(signOut, async (c) => {
    const { token } = await entered(c, options);
    checkToken(c, token);
    await sessions.end(token);
    forgetToken(c, publicUrl);
    return c.body(null, 204, noStore);
  });
}

async function entered(c: Context, options: SessionRouteOptions): Promise<Entered> {
  const found = await sessionIn(c, options);
  if (!found) throw new CausewayError('unauthenticated', 'Nobody is signed in. Sign in with an API key.');
  return found;
}

type Asked = { apiKey?: string | undefined; portalToken?: string | undefined };

/** A new session, for what was shown; undefined where that opens nothing. The one of the cookie ends. */
async function begun(
  c: Context<AppEnv>,
  { findApiKey, sessions, publicUrl }: SessionRouteOptions,
  { apiKey: key, portalToken = '' }: Asked,
): Promise<Entered> {
  const before = tokenIn(c, publicUrl);
  if (key !== undefined) {
    const keyDigest = digestOfApiKey(key);
    const apiKey = await findApiKey(keyDigest);
    if (!apiKey) throw unknownKey();
    const { token, session } = await sessions.beginWithKey(keyDigest, before, actorNamed(c, apiKey, 'dashboard'));
    return { token, apiKey, expiresAt: session.expiresAt };
  }
  const made = await sessions.beginByLink(portalToken, before, (link) => actorNamed(c, standInOf(link), 'portal'));
  if (!made) throw unknownLink();
  const { token, session } = made;
  if (!('link' in session)) throw sessionOver();
  return { token, apiKey: standInOf(session.link), link: session.link, expiresAt: session.expiresAt };
}

const unknownKey = (): CausewayError =>
  new CausewayError(
    'unauthenticated',
    'The API key is unknown, or holds no more. Use one that `causeway keys list` shows.',
  );
const unknownLink = (): CausewayError =>
  new CausewayError('unauthenticated', 'The link is over, or is not whole. Ask for a new one where you got it.');

const shown = ({ token, apiKey, link, expiresAt }: Entered, temporalUi: string | undefined): Session => ({
  ...{ kind: link ? 'portal' : 'operator', name: link?.name ?? apiKey.name, scopes: [...apiKey.scopes] },
  ...(link && { customerExternalId: link.customerExternalId, permissions: [...link.permissions] }),
  ...{ expiresAt: expiresAt.toISOString(), csrfToken: csrfTokenOf(token) },
  // Its pages are of all customers.
  ...(!link && temporalUi !== undefined && { temporalUi }),
});
