import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CliFailure } from './failure.ts';
import type { Io } from './io.ts';

export type Settings = { url: string; key: string };

const stackSchema = z.object({ api: z.string(), apiKey: z.string() });

/**
 * Where the API is, and the key for it: `CAUSEWAY_API` and `CAUSEWAY_API_KEY`, else what `npm start` left in
 * `.causeway/stack.json`. A key of that file is never sent to another address.
 */
export async function readSettings({ env, cwd }: Pick<Io, 'env' | 'cwd'>): Promise<Settings> {
  const { CAUSEWAY_API: url, CAUSEWAY_API_KEY: key } = env;
  if (url) {
    if (!/^https?:\/\/[^\s/]+(\/.*)?$/.test(url) || !URL.canParse(url)) {
      throw usage(
        'CAUSEWAY_API is not a URL: set it to the address of the API, for example https://causeway.example.com',
      );
    }
    if (!key) throw usage('CAUSEWAY_API is set and CAUSEWAY_API_KEY is not: set it to an API key of that Causeway.');
    return { url: url.replace(/\/+$/, ''), key };
  }
  const stack = await readStack(cwd);
  if (!stack) {
    throw usage(
      'Which Causeway? Set CAUSEWAY_API (its address) and CAUSEWAY_API_KEY, or run this in the folder where `npm start` is up.',
    );
  }
  return { url: stack.api, key: key || stack.apiKey };
}

const usage = (message: string): CliFailure => new CliFailure('usage', 'settings_missing', message);

async function readStack(cwd: string): Promise<z.output<typeof stackSchema> | undefined> {
  const text = await readFile(join(cwd, '.causeway', 'stack.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return stackSchema.parse(JSON.parse(text));
  } catch {
    throw usage(
      '.causeway/stack.json can not be read: start the stack again, or set CAUSEWAY_API and CAUSEWAY_API_KEY.',
    );
  }
}
