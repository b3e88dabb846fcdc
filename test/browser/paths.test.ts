import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, signInAt, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';

const bytesMax = '1500';
const tooLarge = 'x'.repeat(5_000);

let causeway: Causeway;
let secured: { kafka: SecuredKafka; remove(): Promise<void> };
let browser: TestBrowser;
let page: Page;
let misdeeds: string[];
/** Their client certificate has expired. */
let refused: { destination: CreatedDestination; eventId: string };
let held: CreatedDestination;

beforeAll(async () => {
  [causeway, secured, browser] = await Promise.all([startCauseway(), securedKafka(), openBrowser()]);
  const topic = await causeway.kafka.newTopic();
  await writeAcl(secured.kafka, topic, principals.client, true);
  const { lateClient, caCertificate, mutual } = secured.kafka;
  const auth = { mode: 'MTLS', clientCertificate: lateClient.pem, clientKey: lateClient.keyPem, caCertificate };
  const destination = await causeway.createDestination({ topic, auth, brokers: [mutual] });
  refused = { destination, eventId: await post(destination.customerExternalId, { orderId: '1' }) };
  held = await causeway.createDestination({ topic, auth, brokers: [mutual] });
  await post(held.customerExternalId, { orderId: '2' });
  const opened = await browser.newPage(causeway.api.url);
  page = opened.page;
  misdeeds = opened.misdeeds;
  opened.allow({ status: 422, path: /^\/v1\/destinations$/ }); // Of brokers that are none.
  await signInAt(page, causeway.api.key);
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
  await secured?.remove();
});

async function post(customerExternalId: string, payload: Record<string, unknown>): Promise<string> {
  const { status, text, body } = await causeway.api.post({ eventType: 'order.created', customerExternalId, payload });
  if (status !== 202) throw new Error(`POST /v1/events answered ${status}: ${text}`);
  return (body as { id: string }).id; // What a 202 holds.
}

const button = (name: string | RegExp) => page.getByRole('button', { name });

test('a newcomer creates a destination, tests it, sends a test event, and sees it delivered', async () => {
  const topic = await causeway.kafka.newTopic();
  await page.getByRole('link', { name: 'Destinations', exact: true }).click();
  await page.getByRole('link', { name: 'Create a destination' }).first().click();
  await page.getByRole('textbox', { name: 'Name', exact: true }).fill('My first destination');
  await page.getByRole('textbox', { name: 'Customer', exact: true }).fill('acct_newcomer');
  await page.getByRole('textbox', { name: 'Topic', exact: true }).fill(topic);
  await page.getByRole('textbox', { name: 'Brokers', exact: true }).fill('not a broker');
  await page.getByLabel('Way to authenticate').selectOption('NONE');
  await button('Create it').click();

  // What is wrong is said at its field, which has focus.
  const brokers = page.getByRole('textbox', { name: 'Brokers', exact: true });
  await page.getByText('expected host:port').last().waitFor();
  expect(await brokers.getAttribute('aria-invalid')).toBe('true');
  await brokers.fill(causeway.kafka.brokers.join('\n'));
  await button('Create it').click();

  await page.waitForURL('**/test');
  await button('Test the connection').click();
  await page.getByText('The test passed').waitFor();
  await button('Send a test event').click();
  // Not any status: that of the test says that events "can be delivered".
  const sent = page.getByRole('region', { name: 'Send a test event' });
  await sent.getByRole('status').getByText('Delivered', { exact: true }).waitFor();
  const [record, ...others] = await causeway.kafka.records(topic);
  expect(others).toEqual([]);
  expect(record?.headers.event_type).toBe('causeway.test');
});

test('dead letters are found, replayed with a reason once the topic takes them, and their time line tells it all', async () => {
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': bytesMax });
  const { customerExternalId } = await causeway.createDestination({ topic, name: 'Analytics' });
  const eventId = await post(customerExternalId, { text: tooLarge });
  await page.getByRole('link', { name: 'Dead letters', exact: true }).click();
  await page.getByLabel('Customer').fill(customerExternalId);
  const row = page.getByRole('row').filter({ hasText: eventId });
  await until('the dead letter to be shown', async () => {
    await button('Search').click();
    return await row.isVisible();
  });
  await causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
  await page.getByLabel(`Choose ${eventId}`).check();
  await button('Replay 1 dead letter').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('topic limit raised');
  await dialog.getByRole('button', { name: 'Replay 1 dead letter' }).click();
  await page.getByText('sent on their way again').waitFor();

  await page.goto(`/deliveries/${eventId}`);
  const line = page.getByRole('list', { name: 'Time line' });
  await line.getByText('Delivered', { exact: true }).waitFor();
  expect(await line.textContent()).toMatch(/Accepted.*MESSAGE_TOO_LARGE.*Replayed.*topic limit raised.*Delivered/s);
  await page
    .getByRole('region', { name: 'Payload' })
    .getByText('"orderId"')
    .or(page.getByText('"text"'))
    .first()
    .waitFor();
});

test('all dead letters that match are counted first, then replayed, and the page shows how far that is', async () => {
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': bytesMax });
  const { id, customerExternalId } = await causeway.createDestination({ topic, name: 'Reports' });
  for (let n = 0; n < 4; n++) await post(customerExternalId, { n, text: tooLarge });
  const letters = async () => (await causeway.api.get(`/v1/destinations/${id}/dead-letters`)).text;
  await until('four dead letters', letters, (text) => text.split('"eventId"').length === 5);
  await causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
  await page.goto(`/dead-letters?destinationId=${id}&error=MESSAGE_TOO_LARGE`);
  await button('All that match').click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('topic limit raised');
  await dialog.getByRole('button', { name: 'Replay 4 dead letters' }).click();
  await page.getByText('4 of 4 events').waitFor();
  await page.getByRole('status').filter({ hasText: 'Done' }).waitFor();
  await until(
    'four records',
    () => causeway.kafka.records(topic),
    (records) => records.length === 4,
  );
});

test('a discard of which a part fails tells what was done and what was not, and keeps the rest chosen', async () => {
  const customerExternalId = 'acct_two_topics';
  const newTopic = () => causeway.kafka.newTopic(1, { 'max.message.bytes': bytesMax });
  const kept = await causeway.createDestination({ topic: await newTopic(), customerExternalId });
  const gone = await causeway.createDestination({ topic: await newTopic(), customerExternalId });
  const eventId = await post(customerExternalId, { text: tooLarge });
  const ids = async ({ id }: { id: string }) => (await causeway.api.get(`/v1/destinations/${id}/dead-letters`)).text;
  for (const one of [kept, gone])
    await until(
      'a dead letter',
      () => ids(one),
      (text) => text.includes(eventId),
    );
  const { page: other, misdeeds: others, allow, context } = await browser.newPage(causeway.api.url);
  await signInAt(other, causeway.api.key);
  await other.goto(`/dead-letters?customerExternalId=${customerExternalId}`);
  for (const { id } of [kept, gone]) await other.getByLabel(`Choose ${eventId} of ${id}`).check();
  await other.getByRole('button', { name: 'Discard 2 dead letters' }).click();
  const dialog = other.getByRole('dialog');
  await dialog.getByLabel('Reason').fill('sent by mistake');
  await causeway.api.request('DELETE', `/v1/destinations/${gone.id}`);
  allow({ status: 404, path: new RegExp(`^/v1/destinations/${gone.id}/discard$`) });
  await dialog.getByRole('button', { name: 'Discard 2 dead letters' }).click();
  const done = dialog.getByRole('region', { name: 'What was done' });
  await done.getByText('Not all of it was done').waitFor();
  expect(await done.textContent()).toContain(`${kept.id}: 1 dead letter discarded.`);
  expect(await done.textContent()).toContain(`${gone.id}: of 1 dead letter none was discarded.`);
  expect(await done.textContent()).toContain('No destination has the id');
  expect(await dialog.getByLabel('Reason').inputValue()).toBe('sent by mistake');
  await dialog.getByRole('button', { name: 'Discard 1 dead letter' }).waitFor();
  await until(
    'the other one to be discarded',
    () => ids(kept),
    (text) => !text.includes(eventId),
  );
  await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
  expect(others).toEqual([]);
  await context.close();
});

test('a destination with a bad credential is suspended; a guided rotation tests the new one, switches, and its lanes go on', async () => {
  const { id } = refused.destination;
  await page.bringToFront();
  await page.goto(`/destinations/${id}/lanes`);
  const shown = () => page.getByRole('table', { name: 'lanes' }).textContent();
  await until('the lane to be suspended', shown, (text) => /Suspended/.test(text ?? ''), 60_000);
  await page.getByRole('link', { name: 'Rotate credentials' }).click();
  const { lateClient, client } = secured.kafka;
  const key = page.getByRole('textbox', { name: 'Private key' });
  await key.fill(lateClient.keyPem);
  await button('Test the new credentials').click();
  await page.getByText('The test failed').waitFor();
  await page.getByRole('textbox', { name: 'Client certificate' }).fill(client.pem);
  await key.fill(client.keyPem);
  await button('Test the new credentials').click();
  await page.getByText('The test passed').waitFor();
  await button('Switch to the new credentials').click();
  await page.getByText('Done: the old credentials are erased').waitFor();
  await page.goto(`/deliveries/${refused.eventId}`);
  await page.getByRole('list', { name: 'Time line' }).getByText('Delivered', { exact: true }).waitFor();
  await untilLoaded(page);
  // A secret is write-only: nothing on any page has it.
  await page.goto(`/destinations/${id}/edit`);
  await untilLoaded(page);
  expect(await page.content()).not.toContain('PRIVATE KEY');
});

test('a paused destination’s lanes that are suspended are listed, and it is not said that none is while they are asked', async () => {
  const lanes = `/v1/destinations/${held.id}/lanes`;
  const suspended = async () => (await causeway.api.get(`${lanes}?state=Suspended`)).text;
  await until('the lane to be suspended', suspended, (text) => text.includes('"workflowId"'), 60_000);
  const { status } = await causeway.api.request('POST', `/v1/destinations/${held.id}/pause`, { reason: 'looked at' });
  expect(status).toBeLessThan(300);
  // Without what the lanes themselves say the list is empty, so that the page must not be shown it.
  expect((await causeway.api.get(`${lanes}?state=Suspended&withStatus=false`)).body).toMatchObject({ lanes: [] });
  const quick: string[] = [];
  page.on('request', (request) => {
    const { pathname, searchParams } = new URL(request.url());
    if (pathname === lanes && searchParams.get('withStatus') === 'false') quick.push(String(searchParams.get('state')));
  });
  await page.goto(`/destinations/${held.id}/lanes?state=Suspended`);
  await page.getByRole('table', { name: 'lanes' }).getByText('Suspended', { exact: true }).waitFor();
  expect(quick).toEqual([]);
  await page.getByLabel('State').selectOption('Parked');
  await button('Show').click();
  await page.getByText('No open lane matches').waitFor();
  await page.getByText('Looked for: State “Parked”').waitFor();
  expect(quick).toEqual(['Parked']);
});

test('deliveries are found by the form: by their idempotency key, and by their customer', async () => {
  const { customerExternalId } = await causeway.createDestination({ name: 'To be found' });
  const event = { eventType: 'order.created', customerExternalId, idempotencyKey: 'order-4711', payload: {} };
  const { body } = await causeway.api.post(event);
  const { id } = body as { id: string }; // What a 202 holds.
  const listed = async () => (await causeway.api.get(`/v1/deliveries?customerExternalId=${customerExternalId}`)).text;
  await until('the index to have it', listed, (text) => text.includes(id));
  await page.getByRole('link', { name: 'Deliveries', exact: true }).click();
  await page.getByText('Say what to look for').waitFor();
  await page.getByLabel('Find by').selectOption('Idempotency key');
  await page.getByRole('textbox', { name: 'Customer' }).fill(customerExternalId);
  await page.getByRole('textbox', { name: 'Idempotency key' }).fill('order-4711');
  await button('Find').click();
  await page.waitForURL(`**/deliveries/${id}`);
  await page.getByRole('list', { name: 'Time line' }).getByText('Delivered', { exact: true }).waitFor();

  await page.getByRole('link', { name: 'Deliveries', exact: true }).click();
  await page.getByRole('textbox', { name: 'Customer' }).fill(customerExternalId);
  await button('Find').click();
  const row = page.getByRole('row').filter({ hasText: id });
  await row.getByText('Delivered', { exact: true }).waitFor();
  await page.getByRole('textbox', { name: 'Customer' }).fill('acct_nobody');
  await button('Find').click();
  await page.getByText('No event found').waitFor();
  expect(await row.count()).toBe(0);
});

test('none of that wrote an error to the console, or asked another host', () => {
  expect(misdeeds).toEqual([]);
});
