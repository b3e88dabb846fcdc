import { readFile } from 'node:fs/promises';

/** The commands of a guide, in order: the lines of its indented blocks that begin with one of these words. */
export async function commandsIn(path: string, programs: readonly string[]): Promise<string[]> {
  const text = await readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  const lines = text.split('\n').filter((line) => /^ {4}\S/.test(line));
  return lines.map((line) => line.trim()).filter((line) => programs.includes(line.split(' ')[0] ?? ''));
}
