/** How a page looks: what axe says of it, and its picture. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import axe from 'axe-core';
import type { Page } from 'playwright-core';

const imagesDir = fileURLToPath(new URL('../../docs/images', import.meta.url));
const takesScreenshots = Boolean(process.env.CAUSEWAY_SCREENSHOTS);
/** These are looked at in all four ways, and pictures of them are taken in dark and narrow, too; the others in two: axe takes its time. */
const inAllWays: readonly string[] = ['overview', 'destination', 'event-parked', 'dead-letters'];
const narrowPx = 360;
export const wide = { width: 1280, height: 900 };

type Violation = { id: string; help: string; nodes: { html: string; failureSummary?: string }[] };

/** What axe finds wrong with the page as it is: a line each. */
async function violationsOf(page: Page, where: string): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(
    'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
  );
  const violations = found as Violation[]; // What axe's results hold.
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${where}: ${id}: ${help}: ${html.slice(0, 200)} ${failureSummary ?? ''}`),
  );
}

const ways = [
  { scheme: 'light', width: wide.width },
  { scheme: 'light', width: narrowPx },
  { scheme: 'dark', width: wide.width },
  { scheme: 'dark', width: narrowPx },
] as const;

/** Looks at the page in light and dark, wide and narrow; answers what is wrong, and takes its pictures where they are wanted. */
export async function lookedAt(page: Page, name: string): Promise<string[]> {
  if (takesScreenshots) await mkdir(imagesDir, { recursive: true });
  const isWhole = inAllWays.includes(name);
  const wrong: string[] = [];
  for (const { scheme, width } of ways) {
    const isOrdinary = scheme === 'light' && width === wide.width;
    const isOpposite = scheme === 'dark' && width === narrowPx;
    if (!isWhole && !isOrdinary && !isOpposite) continue;
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.locator(`html[data-mantine-color-scheme="${scheme}"]`).waitFor();
    await page.setViewportSize({ ...wide, width });
    const where = `${name}, ${scheme}, ${width} px`;
    wrong.push(...(await violationsOf(page, where)));
    const over = Number(
      await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth'),
    );
    if (over > 0) wrong.push(`${where}: ${over} px stand out at the side`);
    if (takesScreenshots && (isOrdinary || (isWhole && !isOpposite))) {
      const end = `${scheme === 'dark' ? '-dark' : ''}${width === narrowPx ? '-narrow' : ''}`;
      await page.screenshot({ path: join(imagesDir, `${name}${end}.png`), fullPage: width === narrowPx });
    }
  }
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
  await page.setViewportSize(wide);
  return wrong;
}
