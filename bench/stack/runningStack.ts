import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { say } from '../../dev/servers/progress.ts';
import type { BenchStack } from './benchStack.ts';

const stackFile = fileURLToPath(new URL('../../.causeway/stack.json', import.meta.url));

/** What `npm start` writes; the bench needs no more of it. */
const schema = z.object({
  api: z.url(),
  apiKey: z.string(),
  temporalAddress: z.string(),
  temporalNamespace: z.string(),
  kafkaBrokers: z.array(z.string()).min(1),
  databaseUrl: z.string(),
});

/** The stack that `npm start` left its addresses of, where it answers. */
export async function runningStack(): Promise<BenchStack | undefined> {
  const text = await readFile(stackFile, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const read = schema.safeParse(JSON.parse(text));
  if (!read.success) {
    say(`.causeway/stack.json is not what npm start writes (${z.prettifyError(read.error)}): not used.`);
    return undefined;
  }
  const health = await fetch(`${read.data.api}/healthz`, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
  if (health?.status !== 200) {
    say(`.causeway/stack.json names ${read.data.api}, where no healthy API answers: not used.`);
    return undefined;
  }
  const taskQueue = process.env.TEMPORAL_TASK_QUEUE || 'causeway';
  return { ...read.data, kind: 'running', taskQueue, stop: async () => {} };
}
