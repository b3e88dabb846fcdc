/**
 * What holds for every page. `npm run screenshots` runs this file with `CAUSEWAY_SCREENSHOTS` set, and it then writes what it sees into
 * docs/images/.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import pg from 'pg';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msUntilUsable, openBrowser, signInAt, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { type SampleWorld, sampleWorld } from '../harness/sampleWorld.ts';
import type { SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka } from '../harness/sharedSecuredKafka.ts';

const imagesDir = fileURLToPath(new URL('../../docs/images', import.meta.url));
const takesScreenshots = Boolean(process.env.CAUSEWAY_SCREENSHOTS);
/** Whose pictures are taken in dark and narrow, too. */
const alsoTaken: readonly string[] = ['overview', 'destination', 'event-parked', 'dead-letters'];
const narrowPx = 360;
const wide = { width: 1280, height: 900 };

/** Every page, by the name of its screenshot. */
const pages: readonly (readonly [name: string, path: (world: SampleWorld) => string])[] = [
  ['destinations', () => '/destinations'],
  ['destination-new', () => '/destinations/new'],
  ['destination', ({ healthy }) => `/destinations/${healthy.id}`],
  ['destination-lanes', ({ healthy }) => `/destinations/${healthy.id}/lanes`],
  ['destination-test', ({ refused }) => `/destinations/${refused.id}/test`],
  ['destination-rotate', ({ refused }) => `/destinations/${refused.id}/rotate`],
  ['destination-edit', ({ healthy }) => `/destinations/${healthy.id}/edit`],
  ['destination-paused', ({ paused }) => `/destinations/${paused.id}`],
  ['deliveries', () => '/deliveries?by=customer&customerExternalId=northwind'],
  ['event-delivered', ({ deliveredEvent }) => `/deliveries/${deliveredEvent}`],
  ['event-parked', ({ parkedEvent }) => `/deliveries/${parkedEvent}`],
  ['dead-letters', () => '/dead-letters?customerExternalId=contoso'],
  ['replays', () => '/replays'],
  ['event-types', () => '/event-types'],
  ['audit', () => '/audit'],
  ['api-keys', () => '/api-keys'],
  ['portal-links', () => '/portal-links'],
  ['not-found', () => '/no-such-page'],
  ['overview', () => '/overview'], // By now all lanes were looked at.
];

let causeway: Causeway;
let secured: { kafka: SecuredKafka; remove(): Promise<void> };
let browser: TestBrowser;
let world: SampleWorld;
let page: Page;
let misdeeds: string[];
/** What was wrong with the page to sign in: nobody gets there who is signed in. */
let atSignIn: string[];

beforeAll(async () => {
  [causeway, secured, browser] = await Promise.all([startCauseway(), securedKafka(), openBrowser()]);
  world = await sampleWorld(causeway, secured.kafka);
  const opened = await browser.newPage(causeway.api.url, wide);
  page = opened.page;
  misdeeds = opened.misdeeds;
  opened.allow({ status: 404, path: /^\/no-such-page$/ });
  if (takesScreenshots) await mkdir(imagesDir, { recursive: true });
  await page.goto('/');
  await page.getByLabel(/^API key/).waitFor();
  atSignIn = await lookedAt('sign-in');
  await signInAt(page, causeway.api.key);
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
  await secured?.remove();
});

type Violation = { id: string; help: string; nodes: { html: string; failureSummary?: string }[] };

/** What axe finds wrong with the page as it is: a line each. */
async function violationsOf(where: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  const violations = found as Violation[]; // What axe's results hold.
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${where}: ${id}: ${help}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

/** Looks at the page in light and dark, wide and narrow; answers what is wrong, and takes its pictures where they are wanted. */
async function lookedAt(name: string): Promise<string[]> {
  const wrong: string[] = [];
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor();
    for (const width of [wide.width, narrowPx]) {
      await page.setViewportSize({ ...wide, width });
      const where = `${name}, ${scheme}, ${width} px`;
      wrong.push(...(await violationsOf(where)));
      const over = Number(
        await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
      );
      if (over > 0) wrong.push(`${where}: ${over} px stand out at the side`);
      const isOrdinary = scheme === 'light' && width === wide.width;
      const isTaken = isOrdinary || (alsoTaken.includes(name) && (scheme === 'light' || width === wide.width));
      if (takesScreenshots && isTaken) {
        const end = `${scheme === 'dark' ? '-dark' : ''}${width === narrowPx ? '-narrow' : ''}`;
        await page.screenshot({ path: join(imagesDir, `${name}${end}.png`), fullPage: width === narrowPx });
      }
    }
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize(wide);
  return wrong;
}

test.each(pages)(
  '%s: axe finds nothing wrong in light and dark, wide and narrow, and nothing stands out',
  async (name, path) => {
    await page.goto(path(world));
    await untilLoaded(page);
    expect(await lookedAt(name)).toEqual([]);
  },
);

test('sign-in: axe finds nothing wrong in light and dark, wide and narrow, and nothing stands out', () => {
  expect(atSignIn).toEqual([]);
});

test('api-key-new: axe finds nothing wrong with a dialog either', async () => {
  await page.goto('/api-keys');
  await untilLoaded(page);
  await page.getByRole('button', { name: 'Create an API key' }).click();
  await page.getByRole('dialog').waitFor();
  expect(await lookedAt('api-key-new')).toEqual([]);
});

const scriptBytesMax = 200_000;

test('a first visit loads less than 200 kB of script, as it comes over the wire', async () => {
  const { page: fresh } = await browser.newPage(causeway.api.url);
  const sizes: Promise<number>[] = [];
  fresh.on('requestfinished', (request) => {
    if (request.resourceType() === 'script')
      sizes.push(request.sizes().then(({ responseBodySize }) => responseBodySize));
  });
  await signInAt(fresh, causeway.api.key);
  await untilLoaded(fresh);
  const bytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  console.log(`First visit to the overview: ${(bytes / 1_000).toFixed(1)} kB of script over the wire.`);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(scriptBytesMax);
});

const destinations = 10_000;
const interactiveMsMax = 1_000;

test('with 10,000 destinations each page can be used within a second', async () => {
  await seedDestinations(causeway.databaseUrl, world.healthy.id);
  const slow: string[] = [];
  const times: string[] = [];
  for (const [name, path] of pages) {
    const tries: number[] = [];
    // Somebody else may have the machine for a moment: the best of three.
    while (tries.length < 3 && Math.min(...tries) > interactiveMsMax / 2) {
      await page.goto(path(world), { waitUntil: 'commit' });
      tries.push(Math.round(await msUntilUsable(page)));
    }
    const best = Math.min(...tries);
    times.push(`${name} ${best}`);
    if (best > interactiveMsMax) slow.push(`${name}: ${tries.join(', ')} ms`);
  }
  console.log(`Until each page can be used, in ms: ${times.join(', ')}.`);
  expect(slow).toEqual([]);
  await page.goto('/destinations');
  await page.getByLabel('Name, topic, customer or id').fill('seeded 7777');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'seeded 7777' }).waitFor();
});

/** Copies of a destination, of as many customers. */
async function seedDestinations(databaseUrl: string, like: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(
      `insert into destinations
         (id, customer_external_id, type, name, enabled, event_types, partition_key, lanes, on_dead_letter, config, sealed)
       select 'dst_seeded' || lpad(n::text, 6, '0'), 'acct_' || n, type, 'seeded ' || n, enabled, event_types, partition_key, lanes,
         on_dead_letter, config, sealed
       from destinations, generate_series(1, $2::int) n where id = $1`,
      [like, destinations],
    );
  } finally {
    await client.end();
  }
}

test('no page wrote an error to the console, or asked another host', () => {
  expect(misdeeds).toEqual([]);
});
