import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, type CreatedDestination, startCauseway } from '../harness/causeway.ts';

let causeway: Causeway;
let browser: TestBrowser;
let own: CreatedDestination;
let foreign: CreatedDestination;
let foreignEvent: string;

beforeAll(async () => {
  [causeway, browser] = await Promise.all([startCauseway(), openBrowser()]);
  own = await causeway.createDestination({ name: 'Ours', customerExternalId: 'northwind' });
  foreign = await causeway.createDestination({ name: 'Theirs', customerExternalId: 'contoso' });
  const { body } = await causeway.api.post({ eventType: 'a.b', customerExternalId: 'contoso', payload: {} });
  foreignEvent = (body as { id: string }).id; // What a 202 holds.
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
});

async function openPortal(permissions: string[]) {
  const { status, text, body } = await causeway.api.request('POST', '/v1/portal-links', {
    customerExternalId: 'northwind',
    permissions,
  });
  if (status !== 201) throw new Error(`POST /v1/portal-links answered ${status}: ${text}`);
  const { url, id } = body as { url: string; id: string }; // What a 201 holds.
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

test('a customer creates, tests and pauses a destination of their own, and it is theirs', async () => {
  const { page, misdeeds } = await openPortal(['read', 'manage_destinations']);
  await page.goto('/destinations/new');
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('Made in the portal');
  await page.getByRole('textbox', { name: 'Topic', exact: true }).fill(await causeway.kafka.newTopic());
  await page.getByRole('textbox', { name: 'Brokers', exact: true }).fill(causeway.kafka.brokers.join());
  await page.getByLabel('Way to authenticate').selectOption('NONE');
  await page.getByRole('button', { name: 'Create it' }).click();
  await page.getByRole('button', { name: 'Send a test event' }).click();
  await page.getByRole('status').getByText('Delivered', { exact: true }).waitFor();
  const { text } = await causeway.api.get('/v1/destinations?customerExternalId=northwind');
  expect(text).toContain('Made in the portal');
  expect(misdeeds).toEqual([]);
});

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
