import { createRoute } from '@hono/zod-openapi';
import { CausewayError } from '../domain/error.ts';
import type { ApiKeys, MadeApiKey, ShownApiKey } from '../store/apiKeys.ts';
import { actorOf } from './actor.ts';
import type { App } from './appEnv.ts';
import { limitBody } from './limitBody.ts';
import {
  apiKeyIdParam,
  apiKeyPageSchema,
  apiKeyQuery,
  apiKeySchema,
  madeApiKeySchema,
  newApiKeySchema,
  rotateApiKeySchema,
} from './schemas/apiKey.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

export type ApiKeyRouteOptions = { apiKeys: Pick<ApiKeys, 'create' | 'list' | 'rotate' | 'revoke'> };

const bodyBytesMax = 16 * 1024;
const common = { tags: ['API keys'], security: needs('manage') };
const json = <Schema>(schema: Schema) => ({ 'application/json': { schema } });
/** No cache on the way may keep a key. */
const noStore = { 'Cache-Control': 'no-store' };

const create = createRoute({
  ...common,
  method: 'post',
  path: '/v1/api-keys',
  summary: 'Create an API key',
  description:
    'The answer holds the key, once. It may be used at once here, and within a second at other API processes.',
  middleware: limitBody(bodyBytesMax),
  request: { body: { required: true, content: json(newApiKeySchema) } },
  responses: {
    201: { description: 'The key.', content: json(madeApiKeySchema) },
    ...problemResponses(400, 401, 403, 409, 413, 415, 422, 503),
  },
});
const list = createRoute({
  ...common,
  method: 'get',
  path: '/v1/api-keys',
  summary: 'List API keys',
  description:
    'The newest first, those that are revoked or have expired too. No answer but that to a new key holds one.',
  request: { query: apiKeyQuery },
  responses: {
    200: { description: 'A page.', content: json(apiKeyPageSchema) },
    ...problemResponses(400, 401, 403, 503),
  },
});
const rotate = createRoute({
  ...common,
  method: 'post',
  path: '/v1/api-keys/{id}/rotate',
  summary: 'Give an API key a new secret',
  description:
    'Id, name, scopes and end stay. The key before holds for `overlapSeconds` yet, and the one before that ends at once.',
  middleware: limitBody(bodyBytesMax),
  request: { params: apiKeyIdParam, body: { required: false, content: json(rotateApiKeySchema) } },
  responses: {
    200: { description: 'The new key.', content: json(madeApiKeySchema) },
    ...problemResponses(400, 401, 403, 404, 413, 415, 422, 503),
  },
});
const revoke = createRoute({
  ...common,
  method: 'delete',
  path: '/v1/api-keys/{id}',
  summary: 'Revoke an API key',
  description: 'Within a second it opens nothing any more, for good. It stays in the list.',
  request: { params: apiKeyIdParam },
  responses: {
    200: { description: 'Revoked.', content: json(apiKeySchema) },
    ...problemResponses(401, 403, 404, 503),
  },
});

/** `/v1/api-keys`: create, list, rotate, revoke. */
export function apiKeyRoutes(app: App, { apiKeys }: ApiKeyRouteOptions): void {
  app.openapi(create, async (c) => {
    const { expiresAt, ...asked } = c.req.valid('json');
    const ends = expiresAt === undefined ? undefined : new Date(expiresAt);
    const made = await apiKeys.create({ ...asked, expiresAt: ends }, actorOf(c));
    return c.json(shownMade(made), 201, noStore);
  });
  app.openapi(list, async (c) => {
    const { apiKeys: page, nextCursor } = await apiKeys.list(c.req.valid('query'));
    return c.json({ apiKeys: page.map(shown), ...(nextCursor && { nextCursor }) }, 200);
  });
  app.openapi(rotate, async (c) => {
    const { overlapSeconds } = rotateApiKeySchema.parse(c.req.valid('json')); // Without a body, no schema has filled it in.
    const made = await apiKeys.rotate(checkedId(c.req.valid('param').id), overlapSeconds, actorOf(c));
    return c.json(shownMade(made), 200, noStore);
  });
  app.openapi(revoke, async (c) => {
    const revoked = await apiKeys.revoke(checkedId(c.req.valid('param').id), actorOf(c));
    return c.json(shown(revoked), 200);
  });
}

const shown = ({ createdAt, expiresAt, lastUsedAt, rotatedAt, earlierUntil, revokedAt, ...named }: ShownApiKey) => ({
  ...{ ...named, scopes: [...named.scopes], createdAt: createdAt.toISOString() },
  ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
  ...(lastUsedAt && { lastUsedAt: lastUsedAt.toISOString() }),
  ...(rotatedAt && { rotatedAt: rotatedAt.toISOString() }),
  ...(earlierUntil && { earlierUntil: earlierUntil.toISOString() }),
  ...(revokedAt && { revokedAt: revokedAt.toISOString() }),
});
const shownMade = ({ key, apiKey }: MadeApiKey) => ({ ...shown(apiKey), key });

/** Anything else is asked of nobody: Postgres refuses some texts, NUL for one. Throws `api_key_not_found`. */
function checkedId(id: string): string {
  if (/^key_[0-9a-f]{32}$/.test(id)) return id;
  throw new CausewayError('api_key_not_found', 'No API key has this id, which is key_ and 32 of 0-9 a-f.');
}
