import type { IncomingMessage } from 'node:http';
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiKey } from '../store/apiKeys.ts';

/** What a request's context holds. */
export type AppEnv = {
  /** What the server hands over: `c.env`. A test that calls the app without one has none. */
  Bindings: { incoming?: IncomingMessage };
  /** What middleware leaves: `c.var`. */
  Variables: {
    /** Ours, or the sender's `X-Request-Id`; in the answer and the log. */
    requestId: string;
    /** The key that the request came with; under /v1/ alone. */
    apiKey: ApiKey;
  };
};

export type App = OpenAPIHono<AppEnv>;

/** Adds its routes to the app. */
export type Routes = (app: App) => void;
