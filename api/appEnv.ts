import type { IncomingMessage } from 'node:http';
import type { BlockList } from 'node:net';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Permission } from '../domain/permission.ts';
import type { ApiKey } from '../store/apiKeys.ts';
import type { Via } from '../store/auditLog.ts';

/** Whose eyes a request sees with, where it comes by a portal link. */
export type Portal = { linkId: string; customerExternalId: string; permissions: readonly Permission[] };

/** What a request's context holds. */
export type AppEnv = {
  /** What the server hands over: `c.env`. A test that calls the app without one has none. */
  Bindings: { incoming?: IncomingMessage };
  /** What middleware leaves: `c.var`. */
  Variables: {
    /** Ours, or the sender's `X-Request-Id`; in the answer and the log. */
    requestId: string;
    /** The key that the request came with, or that somebody has signed in with; under /v1/ alone. A stand-in with no scope where it comes by a portal link. */
    apiKey: ApiKey;
    /** Whose word on who asks is taken. */
    trustedProxies: BlockList | undefined;
    /** Absent where the request came with the key itself. */
    via: Via | undefined;
    /** There alone where the request comes by a portal link. */
    portal: Portal | undefined;
  };
};

export type App = OpenAPIHono<AppEnv>;

/** Adds its routes to the app. */
export type Routes = (app: App) => void;
