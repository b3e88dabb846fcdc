import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { newApiKey, newSecretKeys } from '../programs.ts';

/** What `npm start` makes up once and keeps, so that data sealed by one start can be opened by the next. */
export type StackSecrets = { apiKey: string; secretKeys: string; postgresPassword: string };

/** Reads the secrets of this clone; makes them, for its owner's eyes alone, where there are none. */
export async function stackSecrets(file: string): Promise<StackSecrets> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return JSON.parse(text) as StackSecrets;
  const secrets: StackSecrets = {
    apiKey: newApiKey(),
    secretKeys: newSecretKeys(),
    postgresPassword: randomBytes(18).toString('base64url'),
  };
  await writeFile(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  await rename(`${file}.new`, file);
  return secrets;
}
