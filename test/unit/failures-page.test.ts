import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { failureProofs } from '../../dev/failureProofs.ts';
import { failuresPage } from '../../dev/failuresPage.ts';

test('docs/failures.md is what the table says; `node --import tsx dev/failuresPage.ts` writes it anew', async () => {
  expect(await readFile(new URL('../../docs/failures.md', import.meta.url), 'utf8')).toBe(failuresPage());
});

test.each(failureProofs)('the test that $example is said to be met in is there', async ({ file, test: name }) => {
  expect(await readFile(new URL(`../integration/${file}`, import.meta.url), 'utf8')).toContain(name);
});
