import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { swapIn } from '../../dev/dashboard/swapIn.ts';

const names = Array.from({ length: 30 }, (_, n) => `file-${n}`);

test('of folders that are put in one place at once one stays, whole, and nothing beside it', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-swap-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const to = join(dir, 'dist');
  const build = async (by: string): Promise<void> => {
    const made = join(dir, `made-${by}`);
    await mkdir(join(made, 'assets'), { recursive: true });
    for (const name of names) await writeFile(join(made, 'assets', name), by);
    await swapIn(made, to);
    await rm(made, { recursive: true, force: true });
  };
  for (let round = 0; round < 10; round++) {
    await Promise.all(Array.from({ length: 8 }, (_, n) => build(`${round}-${n}`)));
    expect(await readdir(dir)).toEqual(['dist']);
    const texts = await Promise.all(names.map((name) => readFile(join(to, 'assets', name), 'utf8')));
    expect(new Set(texts).size).toBe(1);
    expect(texts[0]?.startsWith(`${round}-`)).toBe(true);
  }
});
