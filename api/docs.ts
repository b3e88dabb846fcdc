import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Context } from 'hono';
import type { App } from './appEnv.ts';

const about = {
  openapi: '3.1.0',
  info: {
    title: 'Causeway',
    version: '1',
    description: [
      "Delivers a product's events into its customers' own Kafka clusters, durably and in order.",
      'Every error is `application/problem+json` with a stable `code`, for each event in the answer to a batch; 503 comes with `Retry-After`.',
    ].join('\n\n'),
  },
  // Relative: the page is used where it is served from.
  servers: [{ url: '/' }],
  security: [{ bearer: [] }],
  tags: [
    { name: 'Events', description: 'Accept events, and see what became of them.' },
    { name: 'Destinations', description: "Customers' topics, and how events become records there." },
    { name: 'Operations' },
    { name: 'API keys', description: 'Who may ask what.' },
    { name: 'Dashboard', description: 'Who is signed in, and links by which customers come to what is theirs.' },
  ],
};

/** The files of swagger-ui-dist that the page needs: served from here, so that it works where there is no internet. */
const assets = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;
const assetUrl = (name: string): string => createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Causeway API</title>
    <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
    <link rel="stylesheet" href="/docs/swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="/docs/swagger-ui-bundle.js"></script>
    <script src="/docs/start.js"></script>
  </body>
</html>
`;

// No validator: it is on a host of others. The key that a reader enters stays in the page.
const start = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
`;

// Swagger UI styles elements in place and draws its icons from data URLs.
const contentPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const headers = (contentType: string): Record<string, string> => ({
  'content-type': contentType,
  'content-security-policy': contentPolicy,
  'x-content-type-options': 'nosniff',
});

const cookieRules =
  'Over TLS its name begins with `__Host-`. A request that is no GET carries `X-CSRF-Token`, and none may come from another origin.';

/** `/openapi.json`, made from the schemas of the routes, and `/docs`, a page to read and try them. */
export function docsRoutes(app: App): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key: `cw_…`. Each operation names the scope that the key needs: `ingest`, `read` or `manage`.',
  });
  const cookie = { type: 'apiKey', in: 'cookie', name: 'causeway_session' } as const;
  app.openAPIRegistry.registerComponent('securitySchemes', 'session', {
    ...cookie,
    description: `The cookie of who has signed in to the dashboard with an API key: it is as good as the key itself. ${cookieRules}`,
  });
  app.openAPIRegistry.registerComponent('securitySchemes', 'portal', {
    ...cookie,
    description: `The cookie of a customer who came by a portal link. Each operation that is open to them names the permission that the link needs, and shows what is theirs alone. ${cookieRules}`,
  });
  let document: string | undefined;
  app.get('/openapi.json', (c) => {
    document ??= JSON.stringify(app.getOpenAPI31Document(about));
    return c.body(document, 200, { 'content-type': 'application/json' });
  });
  const showPage = (c: Context): Response => c.body(page, 200, headers('text/html; charset=utf-8'));
  app.get('/docs', showPage);
  app.get('/docs/', showPage);
  app.get('/docs/start.js', (c) => c.body(start, 200, headers('text/javascript; charset=utf-8')));
  for (const [name, contentType] of Object.entries(assets)) {
    app.get(`/docs/${name}`, async (c) => {
      const file = await readFile(assetUrl(name));
      return c.body(new Uint8Array(file), 200, { ...headers(contentType), 'cache-control': 'public, max-age=3600' });
    });
  }
}
