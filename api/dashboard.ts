/** The dashboard's pages and files, built by `npm run dashboard:build`. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { serveStatic } from '@hono/node-server/serve-static';
import type { Context, MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { App, AppEnv } from './appEnv.ts';

/** Where the build lies, in the clone and in the image. */
export const dashboardDir = fileURLToPath(new URL('../dashboard/dist/', import.meta.url));

/** The first part of the path of each page. */
const pages = [
  ...['overview', 'destinations', 'deliveries', 'dead-letters', 'replays', 'audit', 'api-keys', 'event-types'],
  ...['portal-links', 'sign-in', 'portal'],
];
/** Of others than pages: there a browser, too, is answered with a problem. */
const ofOthers = /^\/(v1|docs|codec|assets)(\/|$)|\.\w+$/;

const notBuilt = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Causeway</title></head>
  <body>
    <h1>The dashboard is not built</h1>
    <p>Run <code>npm run dashboard:build</code> where this API runs, then load the page again. <code>npm start</code> and the image do so.</p>
    <p>The API itself works: <a href="/docs">/docs</a> shows what there is.</p>
  </body>
</html>
`;

const unusedFeatures = ['camera', 'microphone', 'geolocation', 'payment', 'usb', 'serial', 'displayCapture'] as const;
/** Nothing runs, is shown or is asked but from here, no style or script is written into a page, and nobody shows us in a frame. */
const pageHeaders = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    connectSrc: ["'self'"],
    fontSrc: ["'self'"],
    manifestSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  permissionsPolicy: Object.fromEntries(unusedFeatures.map((feature) => [feature, []])),
  // Whether there is TLS, and for how long, is for what stands before us.
  strictTransportSecurity: false,
});

/** The pages and files of the dashboard; to be added last: what nothing else answers to a browser is a page that is not there. */
export function dashboardRoutes(app: App, dir = dashboardDir): void {
  for (const path of ['/', ...pages.flatMap((name) => [`/${name}`, `/${name}/*`])]) {
    app.get(path, pageHeaders, (c) => showPage(c, dir, 200));
  }
  // With a root, it would complain on the console where nothing is built yet.
  const files = serveStatic<AppEnv>({ rewriteRequestPath: (path) => join(dir, path), precompressed: true });
  // Their names change with what they hold.
  app.get('/assets/*', pageHeaders, kept('public, max-age=31536000, immutable'), files);
  for (const name of ['favicon.ico', 'favicon.svg', 'robots.txt']) {
    app.get(`/${name}`, pageHeaders, kept('no-cache'), files);
  }
  app.get(
    '*',
    (c, next) => (isPageAsked(c) ? next() : c.notFound()),
    pageHeaders,
    (c) => showPage(c, dir, 404),
  );
}

/** How browsers keep a file that there is. */
const kept =
  (cacheControl: string): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    await next();
    if (c.res.ok) c.header('Cache-Control', cacheControl);
  };

const isPageAsked = (c: Context): boolean =>
  !ofOthers.test(c.req.path) && (c.req.header('accept') ?? '').includes('text/html');

/** The one page that all paths have: it reads the path itself. */
async function showPage(c: Context<AppEnv>, dir: string, status: 200 | 404): Promise<Response> {
  const html = await readFile(join(dir, 'index.html'), 'utf8').catch(() => undefined);
  c.header('Cache-Control', 'no-cache'); // It names the files of this very build.
  return html === undefined ? c.html(notBuilt, 503) : c.html(html, status);
}
