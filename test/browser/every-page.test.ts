/**
 * What holds for every page. `npm run screenshots` runs this file with `CAUSEWAY_SCREENSHOTS` set, and it then writes what it sees into
 * docs/images/.
 */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msUntilUsable, openBrowser, signInAt, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { lookedAt, wide } from '../harness/looks.ts';
import { type SampleWorld, sampleWorld } from '../harness/sampleWorld.ts';
import type { SecuredKafka } from '../harness/securedListeners.ts';
import { seedDestinations } from '../harness/seedDestinations.ts';
import { securedKafka } from '../harness/sharedSecuredKafka.ts';

/** Every page, by the name of its screenshot. */
type NamedPath = readonly [name: string, path: (world: SampleWorld) => string];
const pages: readonly NamedPath[] = [
  ['destinations', () => '/destinations'],
  ['destination-new', () => '/destinations/new'],
  ['destination', ({ healthy }) => `/destinations/${healthy.id}`],
  ['destination-lanes', ({ healthy }) => `/destinations/${healthy.id}/lanes`],
  ['lane-log', ({ refused }) => `/destinations/${refused.id}/lane?lane=fabrikam`],
  ['destination-test', ({ refused }) => `/destinations/${refused.id}/test`],
  ['destination-rotate', ({ refused }) => `/destinations/${refused.id}/rotate`],
  ['destination-edit', ({ healthy }) => `/destinations/${healthy.id}/edit`],
  ['destination-paused', ({ paused }) => `/destinations/${paused.id}`],
  ['deliveries', () => '/deliveries?by=customer&customerExternalId=northwind'],
  ['event-delivered', ({ deliveredEvent }) => `/deliveries/${deliveredEvent}`],
  ['event-parked', ({ parkedEvent }) => `/deliveries/${parkedEvent}`],
  ['dead-letters', () => '/dead-letters?customerExternalId=contoso'],
  ['replays', () => '/replays'],
  ['replay', ({ replay }) => `/replays/${replay}`],
  ['event-types', () => '/event-types'],
  ['audit', () => '/audit'],
  ['api-keys', () => '/api-keys'],
  ['portal-links', () => '/portal-links'],
  ['not-found', () => '/no-such-page'],
  ['overview', () => '/overview'], // By now all lanes were looked at.
];

/** Where there is nothing to show, or it was refused. */
const emptyPages: readonly NamedPath[] = [
  ['destination-unknown', () => `/destinations/${unknown}`],
  ['destinations-none', () => '/destinations?search=nobody'],
  ['destination-lanes-none', ({ healthy }) => `/destinations/${healthy.id}/lanes?state=Parked`],
  ['event-types-none', () => '/event-types?search=none.has.it'],
  ['deliveries-none', () => '/deliveries?by=customer&customerExternalId=nobody'],
  ['dead-letters-none', () => '/dead-letters?customerExternalId=nobody'],
];
const unknown = 'dst_none_has_it';

/** Those of a customer who came by a link. */
const portalPages: readonly NamedPath[] = [
  ['portal-overview', () => '/overview'],
  ['portal-destinations', () => '/destinations'],
  ['portal-destination', ({ healthy }) => `/destinations/${healthy.id}`],
  ['portal-event', ({ deliveredEvent }) => `/deliveries/${deliveredEvent}`],
  ['portal-link-partial', () => '/portal'],
];

/** Nothing is there: only what links to it is looked at. */
const temporalUi = 'https://temporal.example.com';
const letters = '/dead-letters?customerExternalId=contoso';
const press = (name: string | RegExp) => page.getByRole('button', { name, exact: typeof name === 'string' }).click();
/** Dialogs, and what is pressed until they are there. */
const dialogs: readonly (readonly [name: string, path: (world: SampleWorld) => string, open: () => Promise<void>])[] = [
  ['api-key-new', () => '/api-keys', () => press('Create an API key')],
  ['api-key-rotate', () => '/api-keys', () => press('Rotate Grafana')],
  ['destination-pause', ({ healthy }) => `/destinations/${healthy.id}`, () => press('Pause')],
  ['destination-delete', ({ healthy }) => `/destinations/${healthy.id}`, () => press('Delete')],
  [
    'dead-letters-replay',
    () => letters,
    async () => {
      await page.getByLabel('All on this page').check();
      await press(/^Replay \d/);
    },
  ],
  [
    'dead-letters-discard',
    () => letters,
    async () => {
      await page.getByLabel('All on this page').check();
      await press(/^Discard \d/);
    },
  ],
  [
    'dead-letters-all',
    () => letters,
    async () => {
      await press(/^All that match/);
      await page
        .getByRole('dialog')
        .getByRole('button', { name: /^Replay 5/ })
        .waitFor();
    },
  ],
  [
    'api-key-refused',
    () => '/api-keys',
    async () => {
      await press('Create an API key');
      await press('Create it');
      await page.getByRole('dialog').getByRole('alert').waitFor();
    },
  ],
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
  [causeway, secured, browser] = await Promise.all([
    startCauseway({ apiEnv: { TEMPORAL_UI_URL: temporalUi } }),
    securedKafka(),
    openBrowser(),
  ]);
  world = await sampleWorld(causeway, secured.kafka);
  const opened = await browser.newPage(causeway.api.url, wide);
  page = opened.page;
  misdeeds = opened.misdeeds;
  opened.allow(
    { status: 404, path: /^\/no-such-page$/ },
    { status: 404, path: new RegExp(`/${unknown}$`) },
    { status: 422, path: /^\/v1\/api-keys$/ }, // Of a key without a name.
  );
  await page.goto('/');
  await page.getByLabel(/^API key/).waitFor();
  atSignIn = await lookedAt(page, 'sign-in');
  await signInAt(page, causeway.api.key);
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
  await secured?.remove();
});

test.each([...emptyPages, ...pages])(
  '%s: axe finds nothing wrong in light and dark, wide and narrow, and nothing stands out',
  async (name, path) => {
    await page.goto(path(world));
    await untilLoaded(page);
    expect(await lookedAt(page, name)).toEqual([]);
  },
);

test('sign-in: axe finds nothing wrong in light and dark, wide and narrow, and nothing stands out', () => {
  expect(atSignIn).toEqual([]);
});

test.each(dialogs)('%s: axe finds nothing wrong with the dialog, and nothing stands out', async (name, path, open) => {
  await page.goto(path(world));
  await untilLoaded(page);
  await open();
  await page.getByRole('dialog').waitFor();
  expect(await lookedAt(page, name)).toEqual([]);
});

test('the pages of the portal: axe finds nothing wrong with them either', async () => {
  const portal = await browser.newPage(causeway.api.url, wide);
  await portal.page.goto(world.portalUrl);
  await portal.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  const wrong: string[] = [];
  for (const [name, path] of portalPages) {
    await portal.page.goto(path(world));
    await untilLoaded(portal.page);
    wrong.push(...(await lookedAt(portal.page, name)));
    if ((await portal.page.content()).includes(temporalUi)) wrong.push(`${name} links to the Temporal UI`);
  }
  expect([...wrong, ...portal.misdeeds]).toEqual([]);
  await portal.context.close();
});

const noMatches = [
  ['/destinations?search=nobody', 'Looked for: Name, topic, customer or id “nobody”', 'No destination here yet'],
  ['/event-types?search=none.has.it', 'Looked for: Event type “none.has.it”', 'No event yet'],
] as const;
test.each(noMatches)('%s: what was looked for is said, and not that there is nothing', async (path, told, instead) => {
  await page.goto(path);
  await page.getByText(told).waitFor();
  expect(await page.locator('main').textContent()).not.toContain(instead);
});

test('the page of an event links to its lane’s workflow in the Temporal UI', async () => {
  const { body } = await causeway.api.get(`/v1/events/${world.deliveredEvent}`);
  // What a 200 holds.
  const { deliveries } = body as { deliveries: { destinationId: string; workflowId: string; runId: string }[] };
  const delivery = deliveries.find(({ destinationId }) => destinationId === world.healthy.id);
  const workflowId = String(delivery?.workflowId);
  await page.goto(`/deliveries/${world.deliveredEvent}`);
  const href = await page.getByRole('link', { name: new RegExp(`^${workflowId} `) }).getAttribute('href');
  const workflows = `${temporalUi}/namespaces/${causeway.temporal.namespace}/workflows`;
  expect(href).toBe(`${workflows}/${encodeURIComponent(workflowId)}/${delivery?.runId}/history`);
});

test('an overview that is narrowed to a customer leads to the dead letters of that customer', async () => {
  await page.goto('/overview?customerExternalId=contoso');
  await page.getByRole('link', { name: 'See and replay them' }).click();
  await page.getByRole('heading', { name: 'Dead letters', level: 1 }).waitFor();
  expect(await page.getByLabel('Customer').inputValue()).toBe('contoso');
  await page.getByRole('row').filter({ hasText: world.parked.id }).first().waitFor();
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

const interactiveMsMax = 1_000;

test('with 10,000 destinations each page can be used within a second', async () => {
  await seedDestinations(causeway.databaseUrl, { like: world.healthy.id, count: 10_000 });
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

test('who comes back to a list finds the page that they left, and who changes its filter the first one', async () => {
  await page.goto('/destinations');
  const pager = page.getByRole('navigation', { name: 'Pages of destinations' });
  for (const number of [2, 3]) {
    await pager.getByRole('button', { name: 'Next page' }).click();
    await pager.getByText(`Page ${number}`, { exact: true }).waitFor();
    await page.locator('.table-frame[aria-busy="false"]').waitFor();
  }
  const first = page.getByRole('rowheader').first().getByRole('link');
  const name = String(await first.textContent());
  await first.click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
  await page.goBack();
  await pager.getByText('Page 3', { exact: true }).waitFor();
  await page.getByRole('link', { name, exact: true }).waitFor();
  await pager.getByRole('button', { name: 'Previous page' }).click();
  await pager.getByText('Page 2', { exact: true }).waitFor();
  await page.reload();
  await pager.getByText('Page 2', { exact: true }).waitFor();
  await page.getByLabel('Name, topic, customer or id').fill('seeded');
  await page.keyboard.press('Enter');
  await pager.getByText('Page 1', { exact: true }).waitFor();
});

test('no page wrote an error to the console, or asked another host', () => {
  expect(misdeeds).toEqual([]);
});
