/** docs/security.md promises a proof for each line. */
import { access, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = await readFile(new URL('docs/security.md', root), 'utf8');
const proofs = text.split('\n').filter((line) => /^\| .* \| .* \| `npm test -- [^`]+` \|$/.test(line));

test('each line of what is protected ends with one command, whose test files are there', async () => {
  const [, ...tables] = text.split('\n| what is protected, from whom | how | proof |\n| --- | --- | --- |\n');
  const rows = tables.flatMap((table) => table.slice(0, table.search(/\n(?!\|)/)).split('\n'));
  expect(rows.length).toBeGreaterThan(25);
  expect(rows.filter((row) => !proofs.includes(row))).toEqual([]);
  for (const row of rows) {
    const files = /`npm test -- ([^`]+)` \|$/.exec(row)?.[1]?.split(' ') ?? [];
    for (const file of files) await expect(access(new URL(file, root)), file).resolves.toBeUndefined();
    expect([
      row,
      files.every((file) => /^test\/(unit|integration|workflow|browser)\/[\w.-]+\.test\.ts$/.test(file)),
    ]).toEqual([row, true]);
  }
});

test('its links lead somewhere', async () => {
  const links = [...text.matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map(([, path]) => path ?? '');
  expect(links.length).toBeGreaterThan(2);
  for (const link of links) await expect(access(new URL(`docs/${link}`, root)), link).resolves.toBeUndefined();
});
