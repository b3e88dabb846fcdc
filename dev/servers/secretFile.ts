import { rm, writeFile } from 'node:fs/promises';

/** Does something while a file for our own eyes holds this text: everyone on the machine may read a command line. */
export async function withSecretFile<T>(file: string, text: string, use: () => Promise<T>): Promise<T> {
  await rm(file, { force: true }); // A start that was killed may have left one.
  try {
    await writeFile(file, text, { mode: 0o600, flag: 'wx' });
    return await use();
  } finally {
    await rm(file, { force: true });
  }
}
