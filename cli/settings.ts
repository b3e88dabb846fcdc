import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { CliFailure } from './failure.ts';
import type { Io } from './io.ts';

export type Settings = { url: string; key: string };

const stackSchema = z.object({ api: z.string(), apiKey: z.string() });

/**
 * Where the API is, and the key for it: `CAUSEWAY_API` and `CAUSEWAY_API_KEY`; where the API's own settings are in the environment, its
 * `CAUSEWAY_API_HOST` and `…_PORT`; else what `npm start` left in `.causeway/stack.json`. A key of that file is never sent to another
 * address.
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
  const own = ownAddress(env);
  if (own && key) return { url: own, key };
  const stack = await readStack(cwd);
  if (!stack) {
    throw usage(
      'Which Causeway? Set CAUSEWAY_API (its address) and CAUSEWAY_API_KEY, or run this in the folder where `npm start` is up.',
    );
  }
  return { url: stack.api, key: key || stack.apiKey };
}

/** Where an API with this environment listens, as this machine reaches it. */
function ownAddress({ CAUSEWAY_API_HOST: host, CAUSEWAY_API_PORT: port }: Io['env']): string | undefined {
  if (!host && !port) return undefined;
  const reached = !host || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  const url = `http://${reached.includes(':') ? `[${reached}]` : reached}:${port || 8080}`;
  if (URL.canParse(url)) return url;
  throw usage('CAUSEWAY_API_HOST and CAUSEWAY_API_PORT are no address: set them as for the API, or CAUSEWAY_API.');
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
