import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { failureProofs } from '../../dev/failureProofs.ts';
import { failuresPage } from '../../dev/failuresPage.ts';
import { failureRowOf, isListed } from '../../domain/failures.ts';

test('docs/failures.md is what the table says; `node --import tsx dev/failuresPage.ts` writes it anew', async () => {
  expect(await readFile(new URL('../../docs/failures.md', import.meta.url), 'utf8')).toBe(failuresPage());
});

test.each(failureProofs)(
  '$example is of the kind that the table says, at first or when it lasts',
  ({ kind, example }) => {
    const [, name = ''] = /^(?:DNS )?`([A-Z_]+)`$/.exec(example) ?? [];
    const row = failureRowOf(name);
    if (isListed(name)) expect([row.kind, row.lasting?.kind]).toContain(kind);
  },
);

test.each(failureProofs)('the test that $example is said to be met in is there', async ({ file, test: name }) => {
  expect(await readFile(new URL(`../integration/${file}`, import.meta.url), 'utf8')).toContain(name);
});
