import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { newApiKey, newSecretKeys } from '../programs.ts';

const schema = z.object({
  apiKey: z.string().min(20),
  secretKeys: z.string().min(1),
  postgresPassword: z.string().min(1),
  /** Names this stack's data where it can't lie in the clone; stays the same when the clone is moved. */
  id: z.string().regex(/^[0-9a-f]{16}$/),
});

/** What `npm start` makes up once and keeps, so that data sealed by one start can be opened by the next. */
export type StackSecrets = z.output<typeof schema>;

const newSecrets = (): StackSecrets => ({
  apiKey: newApiKey(),
  secretKeys: newSecretKeys(),
  postgresPassword: randomBytes(18).toString('base64url'),
  id: randomBytes(8).toString('hex'),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads the secrets of this clone; makes them, for its owner's eyes alone, where there are none and no data is. */
export async function stackSecrets(file: string, hasData: boolean): Promise<StackSecrets> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined) {
    const { success, data } = schema.safeParse(parsed(text));
    if (success) return data;
  }
  if (text !== undefined || hasData) {
    const problem = text === undefined ? 'is gone, but data that was sealed with it is there' : 'is damaged';
    throw new Error(`${file} ${problem}. Put it back, or remove the folder .causeway to start with no data.`);
  }
  const secrets = newSecrets();
  await writeFile(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  await chmod(`${file}.new`, 0o600); // The mode above is for a new file alone.
  await rename(`${file}.new`, file);
  return secrets;
}
