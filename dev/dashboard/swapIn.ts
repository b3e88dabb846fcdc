import { randomUUID } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';

/**
 * Puts a folder that is whole in the place of another, by renames alone: whoever reads there sees one or the other, and of several that do
 * so at once one stays and the others are as good. Nothing of an earlier one is left.
 */
export async function swapIn(made: string, to: string): Promise<void> {
  const old = `${to}.old-${randomUUID()}`;
  await rename(to, old).catch((error) => unless(error, 'ENOENT'));
  await rename(made, to).catch(async (error) => {
    if (!(await readdir(to).catch(() => []))) throw error; // Another one was faster.
  });
  await rm(old, { recursive: true, force: true });
}

function unless(error: NodeJS.ErrnoException, code: string): void {
  if (error.code !== code) throw error;
}
