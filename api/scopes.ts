import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { CausewayError } from '../domain/error.ts';
import type { Scope } from '../domain/scope.ts';
import type { App, AppEnv } from './appEnv.ts';

/** The `security` of a route under /v1/: an API key with this scope. OpenAPI 3.1 lets a scheme that is not OAuth name roles so. */
export const needs = (scope: Scope): { bearer: [Scope] }[] => [{ bearer: [scope] }];

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

/** Which scope each route needs, by method and path. */
export class NeededScopes {
  private readonly byRoute = new Map<string, Scope>();

  /**
   * Reads what the app's routes declare. Throws for one under /v1/ that declares none, so that a process with such a route does not start.
   */
  readFrom(app: App): void {
    for (const definition of app.openAPIRegistry.definitions) {
      if (definition.type !== 'route') continue;
      const { method, path, security } = definition.route;
      const declared: unknown = security?.[0]?.bearer?.[0];
      if (isScope(declared)) this.byRoute.set(keyOf(method, path.replaceAll(/\{(\w+)\}/g, ':$1')), declared);
    }
    const isBare = ({ method, path }: { method: string; path: string }): boolean =>
      path.startsWith('/v1/') && method !== 'ALL' && !this.byRoute.has(keyOf(method, path));
    const bare = app.routes.find(isBare);
    if (bare) throw new Error(`${bare.method} ${bare.path} does not declare the scope that it needs.`);
  }

  /** Lets a request pass whose key has the scope that its route needs. Throws {@link ScopeMissing}. */
  readonly middleware = createMiddleware<AppEnv>(async (c, next) => {
    for (const { method, path } of matchedRoutes(c)) {
      const scope = this.byRoute.get(keyOf(method, path));
      if (scope !== undefined && !c.var.apiKey.scopes.includes(scope))
        throw new ScopeMissing(scope, c.var.apiKey.scopes);
    }
    await next();
  });
}

const keyOf = (method: string, path: string): string => `${method.toUpperCase()} ${path}`;
const isScope = (value: unknown): value is Scope => value === 'ingest' || value === 'read' || value === 'manage';
