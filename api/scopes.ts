import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { CausewayError } from '../domain/error.ts';
import { type Permission, permissions } from '../domain/permission.ts';
import { type Scope, scopes } from '../domain/scope.ts';
import type { App, AppEnv } from './appEnv.ts';

/**
 * The `security` of a route under /v1/: an API key with this scope, or a portal link with this permission; without one the route is closed to
 * portal links. OpenAPI 3.1 lets a scheme that is not OAuth name roles so. A route that is open to them sees that nothing of another customer's is
 * answered (api/portal.ts), and has a case in test/harness/wallCases.ts.
 */
export const needs = (scope: Scope, portal?: Permission): Security[] => [
  { bearer: [scope] },
  ...(portal === undefined ? [] : [{ portal: [portal] }]),
];
type Security = Record<string, string[]>;

/** The API key is good, but may not do this. */
export class ScopeMissing extends CausewayError {
  constructor(
    readonly scope: Scope,
    has: readonly Scope[],
  ) {
    const remedy = `This needs the scope "${scope}", and the API key has ${has.map((one) => `"${one}"`).join(', ')}. Use a key that has it.`;
    super('scope_missing', remedy);
  }
}

/** What a portal link may not do, whatever it asks for. */
const portalRefused = (permission: Permission | undefined): CausewayError =>
  new CausewayError(
    'portal_refused',
    permission === undefined
      ? 'No portal link may do this: it is for those who have an API key.'
      : `This needs the permission "${permission}", which the portal link has not. Ask for another where you got it.`,
  );

/** `portal` is absent where no portal link may call the route; `scope` where the route needs no key, and sees to itself who asks. */
type Needed = { scope?: Scope | undefined; portal?: Permission | undefined };

/** What each route needs, by method and path. */
export class NeededScopes {
  private readonly byRoute = new Map<string, Needed>();

  /**
   * Reads what the app's routes declare. Throws for one under /v1/ that declares no scope, so that a process with such a route does not start;
   * those of the session itself alone have none.
   */
  readFrom(app: App): void {
    for (const definition of app.openAPIRegistry.definitions) {
      if (definition.type !== 'route') continue;
      const { method, path, security } = definition.route;
      const scope = scopes.find((one) => one === security?.[0]?.bearer?.[0]);
      const portal = permissions.find((one) => one === security?.[1]?.portal?.[0]);
      const needed = { scope, portal };
      if (scope || path === sessionPath) this.byRoute.set(keyOf(method, path.replaceAll(/\{(\w+)\}/g, ':$1')), needed);
    }
    const isBare = ({ method, path }: { method: string; path: string }): boolean =>
      path.startsWith('/v1/') && method !== 'ALL' && !this.byRoute.has(keyOf(method, path));
    const bare = app.routes.find(isBare);
    if (bare) throw new Error(`${bare.method} ${bare.path} does not declare the scope that it needs.`);
  }

  /** Lets a request pass whose key, or portal link, may do what its route does. Throws {@link ScopeMissing} or `portal_refused`. */
  readonly middleware = createMiddleware<AppEnv>(async (c, next) => {
    for (const { method, path } of matchedRoutes(c)) {
      const needed = this.byRoute.get(keyOf(method, path));
      if (!needed) continue;
      const { apiKey, portal } = c.var;
      if (portal) checkPortal(portal.permissions, needed.portal);
      else if (needed.scope && !apiKey.scopes.includes(needed.scope))
        throw new ScopeMissing(needed.scope, apiKey.scopes);
    }
    await next();
  });
}

const sessionPath = '/v1/session';
const keyOf = (method: string, path: string): string => `${method.toUpperCase()} ${path}`;

function checkPortal(has: readonly Permission[], needed: Permission | undefined): void {
  if (needed === undefined || !has.includes(needed)) throw portalRefused(needed);
}
