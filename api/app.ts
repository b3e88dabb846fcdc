import { randomUUID } from 'node:crypto';
import type { BlockList } from 'node:net';
import { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import type { Logger } from 'pino';
import { CausewayError } from '../domain/error.ts';
import { requestKeyForm } from '../domain/requestKey.ts';
import type { Destinations } from '../store/destinations.ts';
import type { App, AppEnv, Routes } from './appEnv.ts';
import { authenticate, type FindApiKey } from './authenticate.ts';
import { dashboardRoutes } from './dashboard.ts';
import { docsRoutes } from './docs.ts';
import { type HealthChecks, healthRoutes } from './health.ts';
import { destinationWall } from './portal.ts';
import { portalTurns, searchPaths } from './portalTurns.ts';
import { answerProblem, fieldsRefused, problemOf } from './problem.ts';
import { rateLimit } from './rateLimit.ts';
import { methodsOf } from './routeMethods.ts';
import { NeededScopes } from './scopes.ts';
import { type SessionRouteOptions, sessionRoutes } from './session.ts';

export type AppDependencies = {
  logger: Logger;
  findApiKey: FindApiKey;
  /** Who is signed in to the dashboard; without it nobody is, and there is none. */
  dashboard?: Omit<SessionRouteOptions, 'findApiKey'> & {
    destinations: Pick<Destinations, 'get'>;
    /** Where its build lies; absent: in the clone. */
    dir?: string;
  };
  /** Proxies before the API, whose `X-Forwarded-For` is believed. */
  trustedProxies?: BlockList | undefined;
  /** What `/healthz` asks, by name. */
  health: HealthChecks;
  /** What stands under /v1/, each with its own paths. */
  routes: readonly Routes[];
};

/**
 * The API, and the dashboard's pages: everything under /v1/ needs an API key with the scope that its route declares, or the session of who has signed in
 * with one; `/healthz`, `/openapi.json`, `/docs` and the pages are open. Every error is a problem document.
 */
export function createApp({ logger, findApiKey, dashboard, trustedProxies, health, routes }: AppDependencies): App {
  const app: App = new OpenAPIHono<AppEnv>({
    defaultHook: (result) => {
      if (result.success) return;
      // The hook is given what was checked; its type doesn't say so.
      throw fieldsRefused(result.error, 'data' in result ? result.data : undefined, result.target === 'json');
    },
  });
  app.use(requestLog(logger));
  if (trustedProxies) {
    app.use((c, next) => {
      c.set('trustedProxies', trustedProxies);
      return next();
    });
  }
  const scopes = new NeededScopes();
  const signedIn = dashboard && { ...dashboard, findApiKey };
  if (signedIn) sessionRoutes(app, signedIn); // Before what asks who is there.
  app.use('/v1/*', authenticate(findApiKey, signedIn), rateLimit(), scopes.middleware);
  if (signedIn) app.use('/v1/destinations/:id/*', destinationWall(signedIn.destinations));
  const turns = portalTurns();
  for (const path of searchPaths.store) app.use(path, turns('shared'));
  for (const path of searchPaths.temporal) app.use(path, turns('own'));
  healthRoutes(app, health);
  for (const add of routes) add(app);
  docsRoutes(app);
  scopes.readFrom(app);
  if (signedIn) dashboardRoutes(app, signedIn.dir);
  app.notFound((c) => {
    const allowed = methodsOf(app.routes, c.req.path);
    if (allowed.length === 0) {
      return answerProblem(
        c,
        new CausewayError('not_found', 'There is nothing at this path; /docs shows what there is.'),
      );
    }
    c.header('Allow', allowed.join(', '));
    return answerProblem(c, new CausewayError('method_not_allowed', `The path takes ${allowed.join(', ')}.`));
  });
  app.onError((error, c) => {
    const { status, code } = problemOf(error);
    const fields = { requestId: c.var.requestId, method: c.req.method, path: c.req.path, status, code };
    if (status >= 500) logger[status === 500 ? 'error' : 'warn']({ ...fields, err: error }, 'request failed');
    return answerProblem(c, error);
  });
  return app;
}

/** Gives each request its id, and logs it at level debug: method, path, status, time; never headers, query or body. */
const requestLog = (logger: Logger): MiddlewareHandler<AppEnv> => {
  return async (c, next) => {
    const given = c.req.header('x-request-id');
    // A sender's own id is taken if it is harmless in a log.
    const requestId = given !== undefined && requestKeyForm.test(given) ? given : randomUUID();
    c.set('requestId', requestId);
    c.header('X-Request-Id', requestId);
    if (!logger.isLevelEnabled('debug')) return next();
    const startedAt = performance.now();
    await next();
    const { method, path } = c.req;
    const durationMs = Math.round((performance.now() - startedAt) * 10) / 10;
    logger.debug({ requestId, method, path, status: c.res.status, durationMs, key: c.var.apiKey?.name }, 'request');
  };
};
