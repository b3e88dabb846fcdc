import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumPath } from '../../dev/servers/chromium.ts';
import { track } from './running.ts';

/** What a page did that it should not have: errors that it wrote to the console, requests to other hosts. */
export type Misdeeds = string[];

export type PageOptions = {
  scheme?: 'light' | 'dark';
  /** Of the window, in px. */
  width?: number;
  height?: number;
};

export type TestBrowser = {
  /** A browser of somebody else's, as it were: without cookies. Its pages' misdeeds are gathered. */
  newPage(origin: string, options?: PageOptions): Promise<{ page: Page; context: BrowserContext; misdeeds: Misdeeds }>;
  stop(): Promise<void>;
};

const waitMsMax = 30_000;

/** Starts a Chromium. `stop()` ends it, with all of its pages. */
export async function openBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({ executablePath: await chromiumPath(), headless: true });
  const stop = track('a browser', () => browser.close());
  return {
    async newPage(origin, { scheme = 'light', width = 1280, height = 900 } = {}) {
      const context = await browser.newContext({
        baseURL: origin,
        colorScheme: scheme,
        viewport: { width, height },
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        reducedMotion: 'reduce',
      });
      context.setDefaultTimeout(waitMsMax);
      const page = await context.newPage();
      return { page, context, misdeeds: misdeedsOf(page, origin) };
    },
    stop,
  };
}

/** An answer 401 of the session's route says that nobody is signed in, and one of ours that a test asks for: both are no defects of the page. */
const isExpected = (text: string): boolean => text.startsWith('Failed to load resource');

function misdeedsOf(page: Page, origin: string): Misdeeds {
  const misdeeds: Misdeeds = [];
  page.on('console', (message) => {
    if (message.type() === 'error' && !isExpected(message.text())) misdeeds.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => misdeeds.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(data|blob|about):/.test(url)) misdeeds.push(`asked another host: ${url}`);
  });
  return misdeeds;
}

/** Signs in as a person does, with an API key. */
export async function signInAt(page: Page, apiKey: string): Promise<void> {
  await page.goto('/');
  await page.getByLabel(/^API key/).fill(apiKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
}

/** Waits until the page shows what it is for: its heading, and nothing that is still on its way. */
export async function untilLoaded(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor();
  await page.locator('[data-loading]').first().waitFor({ state: 'detached' });
}

/** Waits until the page can be used. The payload of an event comes after: it is read out of Temporal's history. */
export async function untilUsable(page: Page): Promise<void> {
  await page.locator('main h1').first().waitFor();
  await page.locator('[data-loading]:not([aria-label="Payload"] *)').first().waitFor({ state: 'detached' });
}

/** Presses Tab until what has focus is called this. Throws where it never is. */
export async function tabTo(page: Page, name: RegExp | string): Promise<void> {
  const seen: string[] = [];
  for (let presses = 0; presses < tabsMax; presses++) {
    await page.keyboard.press('Tab');
    const focused = String(await page.evaluate(nameOfFocused));
    if (typeof name === 'string' ? focused === name : name.test(focused)) return;
    seen.push(focused);
  }
  throw new Error(`Tab came to nothing called ${name}, but to: ${seen.join(', ')}`);
}
const tabsMax = 60;
/** In the page: tests are not compiled for one. */
const nameOfFocused = `(() => {
  const element = document.activeElement;
  const label = element?.labels?.[0]?.textContent ?? element?.getAttribute('aria-label');
  return (label ?? element?.textContent ?? '').replace(/\\s*\\*$/, '').trim();
})()`;
