import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser, signInAt, type TestBrowser, untilLoaded } from '../harness/browser.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { postEvent } from '../harness/eventLog.ts';
import { ownTemporal } from '../harness/servers.ts';

let temporal: Awaited<ReturnType<typeof ownTemporal>>;
let causeway: Causeway;
let browser: TestBrowser;
let customerExternalId: string;
let eventId: string;

beforeAll(async () => {
  temporal = await ownTemporal();
  [causeway, browser] = await Promise.all([startCauseway({ temporal }), openBrowser()]);
  ({ customerExternalId } = await causeway.createDestination({ name: 'While Temporal is away' }));
  eventId = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: {} });
  const event = async () => (await causeway.api.get(`/v1/events/${eventId}`)).text;
  await until('the event to be delivered', event, (text) => text.includes('"status":"delivered"'));
});

afterAll(async () => {
  await browser?.stop();
  await causeway?.stop();
  await temporal?.remove();
});

test('while Temporal is away pages show what the store has, say of the rest that Temporal did not answer, and show it by their button once it does', () =>
  whileAway(async (page) => {
    // Destinations, the audit trail and keys are the store's.
    await page.goto('/destinations');
    await page.getByRole('link', { name: 'While Temporal is away' }).waitFor();
    await page.goto('/audit');
    await page.getByRole('table', { name: 'audit entries' }).waitFor();

    await page.goto(`/deliveries/${eventId}`);
    const told = page.getByRole('alert').filter({ hasText: 'Temporal did not answer' });
    await told.first().waitFor();
    expect(await page.locator('h1').first().textContent()).toBe('Event');
    expect(await told.first().textContent()).toMatch(/again/);

    await temporal.restart();
    await until('its time line, by the button', async () => {
      const button = told.getByRole('button', { name: 'Try again' });
      if (await button.first().isVisible()) await button.first().click();
      return await page.getByText('Delivered', { exact: true }).first().isVisible();
    });
    await told.first().waitFor({ state: 'detached' });
  }));

test('while Temporal is away dead letters and lanes are not shown as none', () =>
  whileAway(async (page) => {
    await page.goto(`/dead-letters?customerExternalId=${customerExternalId}`);
    await page.getByRole('alert').filter({ hasText: 'Temporal did not answer' }).first().waitFor();
    expect(await page.locator('main').textContent()).not.toMatch(/No dead letter/);
    await temporal.restart();
    await page.goto(`/dead-letters?customerExternalId=${customerExternalId}`);
    await untilLoaded(page);
    await page
      .getByText(/No dead letter/)
      .first()
      .waitFor();
  }));

/** On a page of somebody who signed in before Temporal went; it is there again after that, and nothing but its absence was said to be wrong. */
async function whileAway(look: (page: Page) => Promise<void>): Promise<void> {
  const { page, misdeeds, allow, context } = await browser.newPage(causeway.api.url);
  allow({ status: 503, path: /^\/v1\// });
  await signInAt(page, causeway.api.key);
  await temporal.kill();
  try {
    await look(page);
  } finally {
    if (temporal.pid === undefined) await temporal.restart();
  }
  expect(misdeeds).toEqual([]);
  await context.close();
}
