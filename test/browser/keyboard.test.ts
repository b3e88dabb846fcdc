import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openBrowser, signInAt, type TestBrowser, tabTo, untilLoaded } from '../harness/browser.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { postEvent } from '../harness/eventLog.ts';
import { principals, type SecuredKafka } from '../harness/securedListeners.ts';
import { authOf, securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';

let causeway: Causeway;
let secured: { kafka: SecuredKafka; remove(): Promise<void> };
let browser: TestBrowser;
/** Where nothing is ever pointed at. Each test, and each try of one, has a new one, where nobody is signed in. */
let page: Page;
let close: () => Promise<void>;

beforeAll(async () => {
  [causeway, secured, browser] = await Promise.all([startCauseway(), securedKafka(), openBrowser()]);
});

beforeEach(async () => {
  const opened = await browser.newPage(causeway.api.url);
  page = opened.page;
  close = async () => {
    await opened.context.close();
    expect(opened.misdeeds).toEqual([]); // Nothing written to the console, no other host asked.
  };
});
afterEach(() => close());

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
  await secured?.remove();
});

const press = (key: string) => page.keyboard.press(key);
const type = (text: string) => page.keyboard.type(text);
const go = async (name: string) => {
  await tabTo(page, name);
  await press('Enter');
};

test('with the keyboard alone one signs in, finds a destination, pauses and resumes it, and signs out', async () => {
  const { id } = await causeway.createDestination({ name: 'By keyboard', customerExternalId: 'acct_keys' });
  await signInByKeyboard();
  await tabTo(page, 'Destinations');
  await press('Enter');
  await tabTo(page, 'Name, topic, customer or id');
  await type('By keyboard');
  await press('Enter');
  await page.getByRole('row').nth(1).waitFor();
  await tabTo(page, 'By keyboard');
  await press('Enter');
  await page.waitForURL(`**/destinations/${id}`);
  await tabTo(page, 'Pause');
  await press('Enter');
  await tabTo(page, 'Reason');
  await type('The topic is being moved');
  await tabTo(page, 'Pause it');
  await press('Enter');
  await page.getByText('Paused by').waitFor();
  await tabTo(page, 'Disable');
  await press('Enter');
  await page.getByRole('dialog').waitFor();
  await press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await tabTo(page, 'Resume');
  await press('Enter');
  await page.getByText('Paused by').waitFor({ state: 'detached' });
  await tabTo(page, 'Sign out');
  await press('Enter');
  await page.getByRole('heading', { name: 'Sign in to Causeway' }).waitFor();
});

test('what is typed at once into a dialog stays there, however late timers are and whatever changes behind it; focus goes back', async () => {
  const { id } = await causeway.createDestination({ name: 'Behind a dialog', customerExternalId: 'acct_dialog' });
  const slow = await browser.newPage(causeway.api.url, { timersLateMs: 400 });
  const { keyboard } = slow.page;
  await signInAt(slow.page, causeway.api.key);
  await slow.page.goto(`/destinations/${id}`);
  await slow.page.getByRole('button', { name: 'Pause' }).focus();
  await keyboard.press('Enter');
  await keyboard.type('It is a long ');
  const dialog = slow.page.getByRole('dialog');
  const reason = dialog.getByLabel('Reason');
  await until('what came late in the page to be over', () => slow.page.evaluate(timersRan));
  await keyboard.type('reason');
  expect(await reason.inputValue()).toBe('It is a long reason');
  // Somebody else pauses it meanwhile, and who is signed in is asked anew.
  await causeway.api.request('POST', `/v1/destinations/${id}/pause`, { reason: 'by another one' });
  await until('the page behind to show it', async () => {
    await slow.page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
    return await slow.page.getByText('by another one').isVisible();
  });
  expect(await reason.inputValue()).toBe('It is a long reason');
  expect(await reason.evaluate('document.activeElement?.getAttribute("name")')).toBe('reason');
  await slow.page.mouse.click(5, 5); // Beside it.
  expect(await dialog.isVisible()).toBe(true);
  await keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  expect(await slow.page.evaluate('document.activeElement?.textContent')).toBe('Resume');
  expect(slow.misdeeds).toEqual([]);
  await slow.context.close();
});
/** In the page: tests are not compiled for one. */
const timersRan = 'new Promise((resolve) => setTimeout(() => setTimeout(() => resolve(true))))';

test('with the keyboard alone one creates a destination and sends it a test event, which is delivered', async () => {
  const topic = await causeway.kafka.newTopic();
  await signInByKeyboard();
  await go('Destinations');
  await page.getByRole('link', { name: 'Create a destination' }).first().waitFor();
  await go('Create a destination');
  await page.getByRole('heading', { name: 'Create a destination', level: 1 }).waitFor();
  for (const [name, text] of [
    ['Name', 'Made by keyboard'],
    ['Customer', 'acct_made_by_keyboard'],
    ['Topic', topic],
    ['Brokers', causeway.kafka.brokers.join()],
    ['Way to authenticate', 'None'],
  ] as const) {
    await tabTo(page, name);
    await type(text);
  }
  await go('Create it');
  await page.waitForURL('**/test');
  await page.getByRole('button', { name: 'Send a test event' }).waitFor();
  await go('Send a test event');
  await page.getByRole('status').getByText('Delivered', { exact: true }).waitFor();
  expect(await causeway.kafka.records(topic)).toHaveLength(1);
});

test('with the keyboard alone one rotates credentials, in the steps that are shown', async () => {
  const topic = await causeway.kafka.newTopic();
  await writeAcl(secured.kafka, topic, principals.user, true);
  const auth = { ...authOf(secured.kafka).scram512, password: 'no longer the password' };
  const { id } = await causeway.createDestination({ topic, auth, brokers: [secured.kafka.secured] });
  await signInAt(page, causeway.api.key);
  await page.goto(`/destinations/${id}`);
  await untilLoaded(page);
  await go('Rotate credentials');
  await page.getByText('Make the new secret at the broker first').waitFor();
  await tabTo(page, 'Password');
  await type(secured.kafka.password);
  await press('Enter');
  await page.getByText('The test passed').waitFor();
  await go('Switch to the new credentials');
  await page.getByText('Done: the old credentials are erased').waitFor();
});

test('with the keyboard alone one replays a dead letter, with a reason', async () => {
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const { customerExternalId } = await causeway.createDestination({ topic });
  const payload = { text: 'x'.repeat(5_000) };
  const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload });
  await signInAt(page, causeway.api.key);
  const path = `/dead-letters?customerExternalId=${customerExternalId}`;
  const isShown = async () => {
    await page.goto(path);
    await untilLoaded(page);
    return await page.getByRole('row').filter({ hasText: id }).isVisible();
  };
  await until('the dead letter to be shown', isShown);
  await causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
  await tabTo(page, /^Choose evt_/);
  await press('Space');
  await page.getByRole('button', { name: 'Replay 1 dead letter' }).waitFor();
  // Back over what can be done with it.
  await page.getByRole('heading', { level: 1 }).focus();
  await go('Replay 1 dead letter');
  await page.getByRole('dialog').waitFor();
  await type('topic limit raised');
  await go('Replay 1 dead letter');
  await page.getByText('sent on their way again').waitFor();
  const records = await until(
    'the record',
    () => causeway.kafka.records(topic),
    (found) => found.length > 0,
  );
  expect(records).toHaveLength(1);
});

test('with the keyboard alone one discards all dead letters that match: it asks once more, and focus stays where it was', async () => {
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  const { id, customerExternalId } = await causeway.createDestination({ topic });
  for (let n = 0; n < 2; n++)
    await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: { n, text: 'x'.repeat(5_000) } });
  const letters = async () => (await causeway.api.get(`/v1/destinations/${id}/dead-letters`)).text;
  await until('two dead letters', letters, (text) => text.split('"eventId"').length === 3);
  const parkedFrom = '2026-01-15T09:30:00.000Z';
  await signInAt(page, causeway.api.key);
  await page.goto(`/dead-letters?destinationId=${id}&parkedFrom=${parkedFrom}`);
  await untilLoaded(page);
  await go('All that match …');
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Discard all …' }).waitFor();
  // A time is told as everywhere: in the reader's zone, which it names.
  const time = dialog.locator(`time[datetime="${parkedFrom}"]`);
  expect(await time.textContent()).toMatch(/ago.*15 Jan 2026, 10:30:00 CET$/);
  expect(await dialog.textContent()).not.toContain(parkedFrom);
  await tabTo(page, 'Reason');
  await type('sent by mistake');
  const asked: unknown[] = [];
  page.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/v1/replays')) asked.push(request.postDataJSON());
  });
  await tabTo(page, 'Discard all …');
  await page.keyboard.down('Enter');
  await page.keyboard.down('Enter'); // As a key that is held: it says nothing twice.
  await page.keyboard.up('Enter');
  expect(await page.evaluate('document.activeElement?.textContent')).toBe('Yes, discard 2 dead letters for good');
  expect(asked).toEqual([]);
  await press('Enter');
  await page.waitForURL('**/replays/rpl_*');
  await page.getByRole('status').filter({ hasText: 'Done' }).waitFor();
  await page.getByText('2 of 2 events discarded').waitFor();
  expect(asked).toEqual([expect.objectContaining({ action: 'discard', eventsMax: 2, reason: 'sent by mistake' })]);
  await until('none to be left', letters, (text) => !text.includes('"eventId"'));
});

test('with the keyboard alone one clears a search that found nothing, and goes on at its first field', async () => {
  await signInAt(page, causeway.api.key);
  await page.goto('/destinations?search=nobody&state=Parked');
  const empty = page.getByText('No destination matches');
  await empty.waitFor();
  expect(await empty.locator('..').textContent()).toContain('Name, topic, customer or id “nobody”');
  expect(await page.locator('main').textContent()).not.toContain('Create one');
  await go('Clear');
  await empty.waitFor({ state: 'detached' });
  expect(new URL(page.url()).search).toBe('');
  expect(await page.evaluate('document.activeElement?.getAttribute("name")')).toBe('search');
});

async function signInByKeyboard(): Promise<void> {
  await page.goto('/');
  await page.getByLabel(/^API key/).waitFor();
  await tabTo(page, 'API key');
  await type(causeway.api.key);
  await press('Enter');
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
}
