import type { Page, Route } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, signInAt, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { postEvent } from '../harness/eventLog.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';

let causeway: Causeway;
let secured: { kafka: SecuredKafka; remove(): Promise<void> };
let browser: TestBrowser;
let own: CreatedDestination;
let foreign: CreatedDestination;
let foreignEvent: string;

beforeAll(async () => {
  [causeway, secured, browser] = await Promise.all([startCauseway(), securedKafka(), openBrowser()]);
  own = await causeway.createDestination({ name: 'Ours', customerExternalId: 'northwind' });
  foreign = await causeway.createDestination({ name: 'Theirs', customerExternalId: 'contoso' });
  const { body } = await causeway.api.post({ eventType: 'a.b', customerExternalId: 'contoso', payload: {} });
  foreignEvent = (body as { id: string }).id; // What a 202 holds.
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
  await secured?.remove();
});

async function newLink(customerExternalId: string, permissions: string[]): Promise<{ url: string; id: string }> {
  const asked = { customerExternalId, permissions };
  const { status, text, body } = await causeway.api.request('POST', '/v1/portal-links', asked);
  if (status !== 201) throw new Error(`POST /v1/portal-links answered ${status}: ${text}`);
  return body as { url: string; id: string }; // What a 201 holds.
}

async function openPortal(permissions: string[]) {
  const { url, id } = await newLink('northwind', permissions);
  const opened = await browser.newPage(causeway.api.url);
  await opened.page.goto(url);
  await opened.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  return { ...opened, id };
}

test('a portal link opens the pages narrowed to its customer, and nobody else’s anything is on any of them', async () => {
  const { page, misdeeds, allow } = await openPortal(['read', 'manage_destinations', 'replay']);
  allow(
    { status: 404, path: new RegExp(`^/v1/destinations/${foreign.id}(/lanes)?$`) },
    { status: 404, path: new RegExp(`^/v1/events/${foreignEvent}$`) },
    { status: 404, path: /^\/v1\/dead-letters$/ },
    { status: 403, path: /^\/v1\/(audit|api-keys|portal-links)$/ },
  );
  expect(page.url()).not.toContain('#');
  await page.getByRole('link', { name: 'Destinations', exact: true }).click();
  await page.getByRole('link', { name: 'Ours' }).waitFor();
  expect(await page.getByText('Theirs').count()).toBe(0);
  for (const name of ['Audit trail', 'API keys', 'Portal links']) {
    expect(await page.getByRole('link', { name }).count()).toBe(0);
  }
  for (const path of [`/destinations/${foreign.id}`, `/destinations/${foreign.id}/lanes`]) {
    await page.goto(path);
    await page.getByText('There is no such destination').first().waitFor();
  }
  await page.goto(`/deliveries/${foreignEvent}`);
  await page.getByText('The event is not known').first().waitFor();
  const walled = ['/audit', '/api-keys', '/portal-links', '/dead-letters', `/dead-letters?destinationId=${foreign.id}`];
  for (const path of [...walled, '/deliveries?by=customer&customerExternalId=contoso', '/replays']) {
    await page.goto(path);
    await untilLoaded(page);
    expect(await page.locator('main').textContent()).not.toMatch(/Theirs|contoso/);
  }
  expect(misdeeds).toEqual([]);
});

test('a customer creates, tests, pauses and resumes a destination of their own, and it is theirs', async () => {
  const { page, misdeeds } = await openPortal(['read', 'manage_destinations']);
  await page.goto('/destinations/new');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Made in the portal');
  await page.getByRole('textbox', { name: 'Topic', exact: true }).fill(await causeway.kafka.newTopic());
  await page.getByRole('textbox', { name: 'Brokers', exact: true }).fill(causeway.kafka.brokers.join());
  await page.getByLabel('Way to authenticate').selectOption('NONE');
  await page.getByRole('button', { name: 'Create it' }).click();
  await page.getByRole('button', { name: 'Test the connection' }).click();
  await page.getByText('The test passed').waitFor();
  await page.getByRole('button', { name: 'Send a test event' }).click();
  await page.getByRole('status').getByText('Delivered', { exact: true }).waitFor();
  const { body } = await causeway.api.get('/v1/destinations?customerExternalId=northwind&search=Made in the portal');
  const [made, ...others] = (body as { destinations: CreatedDestination[] }).destinations; // What a 200 holds.
  expect(others).toEqual([]);

  const isPaused = async () => (await causeway.api.get(`/v1/destinations/${made?.id}`)).text.includes('"paused"');
  await page.getByRole('link', { name: 'State', exact: true }).click();
  await page.getByRole('button', { name: 'Pause', exact: true }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('the topic is being moved');
  await page.getByRole('button', { name: 'Pause it' }).click();
  await page.getByText('Paused by').waitFor();
  expect(await page.locator('main').textContent()).toContain('the topic is being moved');
  expect(await isPaused()).toBe(true);
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await page.getByText('Paused by').waitFor({ state: 'detached' });
  expect(await isPaused()).toBe(false);
  expect(misdeeds).toEqual([]);
});

test('a customer rotates the credentials of their destination, in the steps that are shown', async () => {
  const topic = await causeway.kafka.newTopic();
  await writeAcl(secured.kafka, topic, principals.user, true);
  const auth = { ...authOf(secured.kafka).scram512, password: 'no longer the password' };
  const asked = { customerExternalId: 'northwind', topic, auth, brokers: [secured.kafka.secured] };
  const { id } = await causeway.createDestination(asked);
  const { page, misdeeds } = await openPortal(['read', 'manage_destinations']);
  await page.goto(`/destinations/${id}`);
  await page.getByRole('link', { name: 'Rotate credentials' }).click();
  await page.locator('input[type="password"]').fill(secured.kafka.password);
  await page.getByRole('button', { name: 'Test the new credentials' }).click();
  await page.getByText('The test passed').waitFor();
  await page.getByRole('button', { name: 'Switch to the new credentials' }).click();
  await page.getByText('Done: the old credentials are erased').waitFor();
  expect(misdeeds).toEqual([]);
});

test('a count that a customer does not wait for is stopped, and keeps them from no other one: they count again, and replay', async () => {
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const { id: destinationId } = await causeway.createDestination({ topic, customerExternalId: 'litware' });
  const payload = { text: 'x'.repeat(5_000) };
  const eventId = await postEvent(causeway.api, { eventType: 'e', customerExternalId: 'litware', payload });
  const { url } = await newLink('litware', ['read', 'replay']);
  const { page, misdeeds } = await browser.newPage(causeway.api.url);
  await page.goto(url);
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  const look = async () => {
    await page.goto(`/dead-letters?destinationId=${destinationId}`);
    await untilLoaded(page);
    return await page.getByRole('row').filter({ hasText: eventId }).isVisible();
  };
  // Closed before the API has said which one it is, and after.
  for (const isKnown of [false, true]) {
    await until('the dead letter to be shown', look);
    const replayId = await withoutWorker(() => closedPreview(page, isKnown));
    const progress = async () => (await causeway.api.get(`/v1/replays/${replayId}`)).body;
    await until('the count to be over', progress, (body) => (body as { status: string }).status === 'cancelled');
  }
  await until('the dead letter to be shown', look);
  await causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
  await page.getByRole('button', { name: 'All that match …' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Replay 1 dead letter' }).click();
  await page.getByText('1 of 1 event sent').waitFor();
  await page.getByRole('status').filter({ hasText: 'Done' }).waitFor();
  const records = await until(
    'its record',
    () => causeway.kafka.records(topic),
    (found) => found.length > 0,
  );
  expect(records).toHaveLength(1);
  expect(misdeeds).toEqual([]);
});

/** While no worker runs a count is not through. */
async function withoutWorker<T>(call: () => Promise<T>): Promise<T> {
  await causeway.worker.stop();
  try {
    return await call();
  } finally {
    await causeway.worker.start();
  }
}

/** Begins to count all that match, and closes that at once, or once it is known which one it is; answers the id of what was stopped. */
async function closedPreview(page: Page, isKnown: boolean): Promise<string | undefined> {
  const dialog = page.getByRole('dialog');
  const hold = async (route: Route): Promise<void> => {
    await dialog.waitFor({ state: 'detached' });
    await route.continue();
  };
  if (!isKnown) await page.route('**/v1/replays', hold, { times: 1 });
  const begun = page.waitForRequest('**/v1/replays');
  const stopped = page.waitForResponse('**/v1/replays/*/cancel');
  await page.getByRole('button', { name: 'All that match …' }).click();
  await begun;
  await dialog.getByText(isKnown ? 'Counting: 0 dead letters so far' : 'Loading').waitFor();
  await page.keyboard.press('Escape');
  const answer = await stopped;
  expect(answer.status()).toBe(202);
  return new URL(answer.url()).pathname.split('/').at(-2);
}

test('with a link that may only see, nothing that changes anything is offered', async () => {
  const { page } = await openPortal(['read']);
  await page.goto(`/destinations/${own.id}`);
  await untilLoaded(page);
  for (const name of ['Pause', 'Disable', 'Delete']) {
    expect(await page.getByRole('button', { name, exact: true }).count()).toBe(0);
  }
  expect(await page.getByRole('link', { name: 'Rotate credentials' }).count()).toBe(0);
});

test('a link that is closed shows whoever came by it the way out, at once', async () => {
  const { page, id } = await openPortal(['read']);
  await causeway.api.request('DELETE', `/v1/portal-links/${id}`);
  await page.getByRole('link', { name: 'Destinations', exact: true }).click();
  await page.getByRole('heading', { name: 'Sign in to Causeway' }).waitFor();
});

test('a second link that is opened in the same tab is its own customer’s, and one that is pasted over a refused one, too', async () => {
  const { page, misdeeds } = await openPortal(['read']);
  await page.goto('/destinations');
  await page.getByRole('link', { name: 'Ours' }).waitFor();
  const { url } = await newLink('contoso', ['read']);
  await page.goto(url);
  await page.getByText('Customer contoso').waitFor();
  await page.getByRole('link', { name: 'Destinations', exact: true }).click();
  await page.getByRole('link', { name: 'Theirs' }).waitFor();
  expect(await page.locator('body').textContent()).not.toMatch(/Ours|northwind/);
  await page.goto(`/portal#${'x'.repeat(40)}`);
  await page.getByText('Ask for a new link').waitFor();
  // Only what stands after # is another: nothing is loaded.
  const { url: third } = await newLink('northwind', ['read']);
  await page.evaluate(`location.hash = ${JSON.stringify(new URL(third).hash)}`);
  await page.getByText('Customer northwind').waitFor();
  expect(page.url()).not.toContain('#');
  expect(misdeeds).toEqual([]);
});

test('when another one signs in in the same browser nothing of the first stays in its tabs, and nothing typed there is done', async () => {
  const { page, context, misdeeds, allow } = await browser.newPage(causeway.api.url);
  await signInAt(page, causeway.api.key);
  await page.goto(`/destinations/${own.id}`);
  await page.getByRole('button', { name: 'Pause' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('the first one’s reason');
  const second = await context.newPage();
  await second.goto((await newLink('contoso', ['read', 'manage_destinations'])).url);
  await second.getByText('Customer contoso').waitFor();
  allow(
    { status: 403, path: new RegExp(`^/v1/destinations/${own.id}/pause$`) },
    { status: 404, path: new RegExp(`^/v1/destinations/${own.id}$`) },
    { status: 404, path: /^\/v1\/(overview|series)$/ },
  );
  await page.getByRole('button', { name: 'Pause it' }).click();
  await page.getByText('Customer contoso').waitFor();
  await page.getByText('There is no such destination').first().waitFor();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(await page.content()).not.toMatch(/the first one’s reason|Ours|northwind|CAUSEWAY_API_KEY|Audit trail/);
  expect((await causeway.api.get(`/v1/destinations/${own.id}`)).text).not.toContain('"paused"');
  // A tab in which nothing is done hears of it once it is looked at.
  await second.goto((await newLink('northwind', ['read'])).url);
  await second.getByText('Customer northwind').waitFor();
  await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
  await page.getByText('Customer northwind').waitFor();
  expect(await page.getByText('Customer contoso').count()).toBe(0);
  expect(misdeeds).toEqual([]);
});

test('times are in the reader’s own zone, which is named, and a time that is asked for is, too', async () => {
  const { page, misdeeds } = await browser.newPage(causeway.api.url, { timeZone: 'Asia/Kathmandu' });
  await signInAt(page, causeway.api.key);
  await page.goto(`/destinations/${own.id}`);
  await untilLoaded(page);
  const created = page.locator('dd time').first();
  const at = new Date(String(await created.getAttribute('datetime')));
  const clock = new Date(at.getTime() + (5 * 60 + 45) * 60_000).toISOString().slice(11, 19);
  expect(await created.textContent()).toMatch(new RegExp(`${clock} GMT\\+5:45$`));
  await page.goto('/dead-letters?customerExternalId=contoso&parkedFrom=2026-01-15T09:30:00.000Z');
  expect(await page.getByLabel('Parked from').inputValue()).toMatch(/^2026-01-15T15:15/);
  await page.getByLabel('Parked from').fill('2026-01-16T00:00');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.waitForURL((url) => url.searchParams.get('parkedFrom') === '2026-01-15T18:15:00.000Z');
  await page.getByText('No dead letters', { exact: true }).waitFor();
  expect(misdeeds).toEqual([]);
});
