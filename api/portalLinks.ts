import { createRoute } from '@hono/zod-openapi';
import { CausewayError } from '../domain/error.ts';
import { permissions as allPermissions } from '../domain/permission.ts';
import type { PortalLink, PortalLinks } from '../store/portalLinks.ts';
import { actorOf } from './actor.ts';
import type { App } from './appEnv.ts';
import { limitBody } from './limitBody.ts';
import {
  madePortalLinkSchema,
  newPortalLinkSchema,
  portalLinkIdParam,
  portalLinkPageSchema,
  portalLinkQuery,
} from './schemas/portalLink.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';
import { originOf, type PublicUrl } from './sessionCookie.ts';

export type PortalLinkRouteOptions = {
  portalLinks: Pick<PortalLinks, 'create' | 'list' | 'remove'>;
  publicUrl: PublicUrl;
};

const bodyBytesMax = 16 * 1024;
const common = { tags: ['Dashboard'], security: needs('manage') };
const json = <Schema>(schema: Schema) => ({ 'application/json': { schema } });

const create = createRoute({
  ...common,
  method: 'post',
  path: '/v1/portal-links',
  summary: 'Make a link to the portal for a customer',
  description:
    'For the page of your own product on which a signed-in customer goes to their destinations. It opens the dashboard narrowed to what is theirs.',
  middleware: limitBody(bodyBytesMax),
  request: { body: { required: true, content: json(newPortalLinkSchema) } },
  responses: {
    201: { description: 'The link.', content: json(madePortalLinkSchema) },
    ...problemResponses(400, 401, 403, 413, 415, 422, 503),
  },
});
const list = createRoute({
  ...common,
  method: 'get',
  path: '/v1/portal-links',
  summary: 'List portal links',
  description: 'The newest first, those that are over too for 30 days. No answer but that to a new one holds its URL.',
  request: { query: portalLinkQuery },
  responses: {
    200: { description: 'A page.', content: json(portalLinkPageSchema) },
    ...problemResponses(400, 401, 403, 503),
  },
});
const remove = createRoute({
  ...common,
  method: 'delete',
  path: '/v1/portal-links/{id}',
  summary: 'Delete a portal link',
  description: 'It opens nothing any more, and who came by it is signed out, both at once.',
  request: { params: portalLinkIdParam },
  responses: { 204: { description: 'Deleted.' }, ...problemResponses(401, 403, 404, 503) },
});

/** `/v1/portal-links`: create, list, delete. */
export function portalLinkRoutes(app: App, { portalLinks, publicUrl }: PortalLinkRouteOptions): void {
  app.openapi(create, async (c) => {
    const { permissions: given, ...asked } = c.req.valid('json');
    // In one order, and with `read`, without which no page would show anything.
    const permissions = allPermissions.filter((one) => one === 'read' || given.includes(one));
    const { token, link } = await portalLinks.create({ ...asked, permissions }, actorOf(c));
    const url = `${originOf(c, publicUrl)}/portal#${token}`;
    return c.json({ ...shown(link), url }, 201, { 'Cache-Control': 'no-store' });
  });
  app.openapi(list, async (c) => {
    const { links, nextCursor } = await portalLinks.list(c.req.valid('query'));
    return c.json({ portalLinks: links.map(shown), ...(nextCursor && { nextCursor }) }, 200);
  });
  app.openapi(remove, async (c) => {
    await portalLinks.remove(checkedId(c.req.valid('param').id), actorOf(c));
    return c.body(null, 204);
  });
}

const shown = ({ permissions, createdAt, expiresAt, deletedAt, ...link }: PortalLink) => ({
  ...{ ...link, permissions: [...permissions] },
  ...{ createdAt: createdAt.toISOString(), expiresAt: expiresAt.toISOString() },
  ...(deletedAt && { deletedAt: deletedAt.toISOString() }),
});

/** Anything else is asked of nobody: Postgres refuses some texts, NUL for one. Throws `portal_link_not_found`. */
function checkedId(id: string): string {
  if (/^plk_[\w-]{16}$/.test(id)) return id;
  throw new CausewayError('portal_link_not_found', 'No portal link has this id, which is plk_ and 16 characters.');
}
