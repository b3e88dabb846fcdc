import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, signInAt, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { postEvent } from '../harness/eventLog.ts';

let causeway: Causeway;
let browser: TestBrowser;
let customerExternalId: string;
let eventId: string;
const idempotencyKey = 'order-4711';

beforeAll(async () => {
  [causeway, browser] = await Promise.all([startCauseway(), openBrowser()]);
  ({ customerExternalId } = await causeway.createDestination());
  eventId = await postEvent(causeway.api, { eventType: 'e', customerExternalId, idempotencyKey, payload: {} });
  const found = async () =>
    (await causeway.api.get(`/v1/deliveries?${new URLSearchParams({ customerExternalId })}`)).text;
  await until('the index to have it', found, (text) => text.includes(eventId));
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
});

async function signedIn() {
  const opened = await browser.newPage(causeway.api.url);
  await signInAt(opened.page, causeway.api.key);
  return opened;
}

/** What a browser says of each request to a process that is gone. */
const unanswered = /net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE)/;
const whatToDo =
  'Check the network, and whether the API runs; then try again. What a page shows live comes back by itself.';

test('while the API is away a page keeps what it shows and says what to do next, and it comes back by itself', async () => {
  const { page, misdeeds, context } = await signedIn();
  await untilLoaded(page);
  const told = page.getByRole('alert').filter({ hasText: 'The API could not be reached' });
  await causeway.apiProcess.stop();
  try {
    await told.first().waitFor();
    expect(await told.first().textContent()).toContain(whatToDo);
    expect(await page.getByRole('region', { name: 'Now', exact: true }).textContent()).toContain('Accepted');
  } finally {
    await causeway.apiProcess.start();
  }
  await told.first().waitFor({ state: 'detached' });
  expect(await told.count()).toBe(0);
  expect(misdeeds.filter((one) => !unanswered.test(one))).toEqual([]);
  await context.close();
});

test('what is asked for while the API is away says why it is not there, and comes by its button', async () => {
  const { page, context } = await signedIn();
  await page.getByRole('link', { name: 'Deliveries', exact: true }).click();
  await page.getByLabel('Find by').selectOption('Idempotency key');
  await page.getByRole('textbox', { name: 'Customer' }).fill(customerExternalId);
  await page.getByRole('textbox', { name: 'Idempotency key' }).fill(idempotencyKey);
  await causeway.apiProcess.stop();
  try {
    await page.getByRole('button', { name: 'Find' }).click();
    const told = page.getByRole('alert').filter({ hasText: 'The API could not be reached' });
    await told.getByText(whatToDo).waitFor();
    await causeway.apiProcess.start();
    await told.getByRole('button', { name: 'Try again' }).click();
    await page.waitForURL(`**/deliveries/${eventId}`);
    await page.getByRole('heading', { name: 'Event', level: 1 }).waitFor();
    expect(await told.count()).toBe(0);

    // Of this one nothing is in the browser, its code neither.
    await causeway.apiProcess.stop();
    await page.getByRole('link', { name: 'Audit trail' }).click();
    const failed = page.getByRole('alert').filter({ hasText: 'This page could not be loaded' });
    await failed.getByText('Check the network, and whether the API runs').waitFor();
    await causeway.apiProcess.start();
    await failed.getByRole('button', { name: 'Load the page anew' }).click();
    await page.getByRole('heading', { name: 'Audit trail', level: 1 }).waitFor();
    await page.getByRole('table', { name: 'audit entries' }).waitFor();
  } finally {
    if (causeway.apiProcess.pid === undefined) await causeway.apiProcess.start();
  }
  await context.close();
});
