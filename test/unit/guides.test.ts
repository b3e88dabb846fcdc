/** What the guides tell a reader to type. */
import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const textOf = (path: string): Promise<string> => readFile(new URL(path, root), 'utf8');
const guides = [
  'README.md',
  ...(await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];

test.each(guides)(
  'no command of %s has a comment behind it: an interactive zsh takes it for arguments',
  async (path) => {
    const commands = (await textOf(path))
      .split('\n')
      .filter((line) => /^ {4}(#|(npm|npx|node|curl|docker|causeway|temporal) .* #)/.test(line));
    expect(commands).toEqual([]);
  },
);

test('README.md shows each picture of docs/images, and says what is on it', async () => {
  const readme = await textOf('README.md');
  const shown = [...readme.matchAll(/!\[(?<alt>[^\]]+)\]\(docs\/images\/(?<name>[^)]+)\)/g)].map((one) => one[2]);
  const first = [...readme.matchAll(/<img alt="[^"]+" src="docs\/images\/([^"]+)">/g)].map((one) => one[1]);
  expect([...shown, ...first].sort()).toEqual((await readdir(new URL('docs/images/', root))).sort());
});
