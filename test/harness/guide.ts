import { readFile } from 'node:fs/promises';

/** The commands of a guide, in order: the lines of its indented blocks that begin with one of these words. */
export async function commandsIn(path: string, programs: readonly string[]): Promise<string[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => /^ {4}\S/.test(line));
  return lines.map((line) => line.trim()).filter((line) => programs.includes(line.split(' ')[0] ?? ''));
}

/** The indented blocks of one section of a guide, in order, as a reader copies them. */
export async function blocksIn(path: string, heading: string): Promise<string[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const [, after = ''] = text.split(`\n## ${heading}\n`);
  const [section = ''] = after.split('\n## ');
  const blocks = section.match(/(?:^ {4}.*\n)+/gm) ?? [];
  return blocks.map((block) => block.replace(/^ {4}/gm, ''));
}
