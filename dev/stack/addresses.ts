import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

export const root = fileURLToPath(new URL('../..', import.meta.url));
/** What a stack keeps from one start to the next. */
export const stackDir = join(root, '.causeway');
const stackFile = join(stackDir, 'stack.json');

const schema = z.object({
  api: z.url(),
  apiKey: z.string(),
  temporalAddress: z.string(),
  temporalNamespace: z.string(),
  /** null where Temporal is somebody else's and TEMPORAL_UI_URL is not set. */
  temporalUi: z.url().nullable(),
  kafkaBrokers: z.array(z.string()).min(1),
  /** The same Kafka as customers have it, with authentication; null where `KAFKA_BROKERS` names somebody else's. */
  customerKafka: z
    .object({
      /** host:port, for every SASL mode over TLS. */
      sasl: z.string(),
      /** host:port, for client certificates. */
      mutualTls: z.string(),
      tokenEndpoint: z.url(),
      /** What the principals may write to. */
      topic: z.string(),
      caCertificateFile: z.string(),
      /** Has a folder for each mode, with what the README's example of it needs. */
      folder: z.string(),
    })
    .nullable(),
  databaseUrl: z.string(),
});

/** What scripts find in `.causeway/stack.json` while a stack is up. */
export type StackAddresses = z.output<typeof schema>;

/** Writes the file whole or not at all, for its owner's eyes alone: it holds a key and a password. */
export async function writeStackFile(addresses: StackAddresses): Promise<void> {
  await writeFile(`${stackFile}.new`, `${JSON.stringify(addresses, null, 2)}\n`, { mode: 0o600 });
  await chmod(`${stackFile}.new`, 0o600); // The mode above is for a new file alone.
  await rename(`${stackFile}.new`, stackFile);
}

export const removeStackFile = (): Promise<void> => rm(stackFile, { force: true });

/** Where the stack of this folder answers. Throws, with what to do, where none is up. */
export async function readStackFile(): Promise<StackAddresses> {
  const text = await readFile(stackFile, 'utf8').catch(() => {
    throw new Error('Nothing is up in this folder: run `npm start` in another terminal, and wait until it is up.');
  });
  return schema.parse(JSON.parse(text));
}
