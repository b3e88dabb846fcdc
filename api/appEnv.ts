import type { OpenAPIHono } from '@hono/zod-openapi';
import type { ApiKey } from '../store/apiKeys.ts';

/** What middleware leaves in the context: `c.var`. */
export type AppEnv = {
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
