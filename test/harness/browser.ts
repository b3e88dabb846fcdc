import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { chromiumPath } from '../../dev/servers/chromium.ts';
import { track } from './running.ts';
import { until } from './until.ts';

/** What a page did that it should not have: errors that it wrote to the console, requests to other hosts. */
export type Misdeeds = string[];

/** An answer that a test asks for: its status, and the path, without the query, that it is an answer of. */
export type Refusal = { status: number; path: RegExp };

export type PageOptions = {
  /** Of the window, in px. */
  width?: number;
  height?: number;
  timeZone?: string;
  /** Its timers are late by so much, in ms, as on a machine that has too much to do. */
  timersLateMs?: number;
};

export type OpenedPage = {
  page: Page;
  context: BrowserContext;
  misdeeds: Misdeeds;
  /** From now on this is no misdeed. */
  allow(...refusals: Refusal[]): void;
};

export type TestBrowser = {
  /** A browser of somebody else's, as it were: without cookies. Its pages' misdeeds are gathered. */
  newPage(origin: string, options?: PageOptions): Promise<OpenedPage>;
  stop(): Promise<void>;
};

const waitMsMax = 30_000;

/** Starts a Chromium. `stop()` ends it, with all of its pages. */
export async function openBrowser(): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({ executablePath: await chromiumPath(), headless: true });
  const stop = track('a browser', () => browser.close());
  return {
    async newPage(origin, { width = 1280, height = 900, timeZone = 'Europe/Berlin', timersLateMs = 0 } = {}) {
      const context = await browser.newContext({
        baseURL: origin,
        colorScheme: 'light',
        viewport: { width, height },
        locale: 'en-GB',
        timezoneId: timeZone,
        reducedMotion: 'reduce',
      });
      context.setDefaultTimeout(waitMsMax);
      if (timersLateMs > 0) await context.addInitScript(lateTimers(timersLateMs));
      const page = await context.newPage();
      return { page, context, ...misdeedsOf(page, origin) };
    },
    stop,
  };
}

/** In the page: tests are not compiled for one. */
const lateTimers = (ms: number): string =>
  `{ const real = setTimeout; window.setTimeout = (call, ms = 0, ...rest) => real(call, ms + ${ms}, ...rest); }`;

/** It says that nobody is signed in. */
const nobody: Refusal = { status: 401, path: /^\/v1\/session$/ };

function misdeedsOf(page: Page, origin: string): Pick<OpenedPage, 'misdeeds' | 'allow'> {
  const misdeeds: Misdeeds = [];
  const allowed = [nobody];
  page.on('console', (message) => {
    // Each of those is an answer, too, and looked at there.
    const isOfAnswer = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isOfAnswer) misdeeds.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => misdeeds.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !/^(data|blob|about):/.test(url)) misdeeds.push(`asked another host: ${url}`);
  });
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    const status = response.status();
    const isAllowed = allowed.some((one) => one.status === status && one.path.test(pathname));
    if (status >= 400 && !isAllowed) misdeeds.push(`${response.request().method()} ${pathname} answered ${status}`);
  });
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    // A page that is left asks no more.
    if (why !== 'net::ERR_ABORTED') misdeeds.push(`${request.method()} ${request.url()}: ${why}`);
  });
  return { misdeeds, allow: (...refusals) => void allowed.push(...refusals) };
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

/**
 * Waits until the page that was gone to can be used, and answers how long that took since its navigation began, in ms, to the frame: what
 * Playwright's own waits see is half a second late at times. The payload of an event comes after: it is read out of Temporal's history.
 */
export const msUntilUsable = async (page: Page): Promise<number> => Number(await page.evaluate(usableAt));
const usableAt = `new Promise((resolve, reject) => {
  const look = () => {
    const loading = [...document.querySelectorAll('[data-loading]')];
    const isUsable = document.querySelector('main h1') && loading.every((one) => one.closest('[aria-label="Payload"]'));
    const now = performance.now();
    if (isUsable) resolve(now);
    else if (now > ${waitMsMax}) reject(new Error('The page could not be used after ' + now + ' ms'));
    else requestAnimationFrame(look);
  };
  look();
})`;

/** Presses Tab until what has focus is called this, once the page has such a thing. Throws where it never is. */
export async function tabTo(page: Page, name: RegExp | string): Promise<void> {
  const isCalledSo = (called: string) => (typeof name === 'string' ? called === name : name.test(called));
  // A page that is still on its way may end before what comes later: Tab would go round it.
  const names = async () => (await page.evaluate(namesOfFocusable)) as string[];
  await until(`something that is called ${name}`, names, (found) => found.some(isCalledSo));
  const seen: string[] = [];
  for (let presses = 0; presses < tabsMax; presses++) {
    await page.keyboard.press('Tab');
    const focused = String(await page.evaluate(`(${nameOf})(document.activeElement)`));
    if (isCalledSo(focused)) return;
    seen.push(focused);
  }
  throw new Error(`Tab came to nothing called ${name}, but to: ${seen.join(', ')}`);
}
const tabsMax = 60;
/** In the page: tests are not compiled for one. */
const nameOf = `(element) => {
  const label = element?.labels?.[0]?.textContent ?? element?.getAttribute('aria-label');
  return (label ?? element?.textContent ?? '').replace(/\\s*\\*$/, '').trim();
}`;
const namesOfFocusable = `[...document.querySelectorAll('a, button, input, select, textarea, summary, [tabindex]')]
  .filter((one) => !one.disabled && one.checkVisibility())
  .map(${nameOf})`;
