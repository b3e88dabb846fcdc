import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type KafkaOptions, type KafkaServer, startOwnKafka } from '../../dev/servers/kafka.ts';
import type { Server } from '../../dev/servers/server.ts';
import { startOwnTemporal, type TemporalOptions, type TemporalServer } from '../../dev/servers/temporal.ts';
import { track } from './running.ts';
import { sharedServers } from './sharedServers.ts';

const ownDir = (): string => join(sharedServers().dir, randomBytes(6).toString('hex'));

type Removable = { remove(): Promise<void> };

function tracked<T extends Server>(name: string, server: T, dataDir: string): T & Removable {
  const remove = track(name, async () => {
    await server.kill(); // What it would put in order is thrown away.
    await rm(dataDir, { recursive: true, force: true });
  });
  return Object.assign(server, { remove });
}

/** A Temporal that a test may kill and restart: its state is in a file. `remove()` when done. */
export async function ownTemporal(
  options: Pick<TemporalOptions, 'dynamicConfig'> = {},
): Promise<TemporalServer & Removable> {
  const dir = ownDir();
  const server = await startOwnTemporal({ dbFile: join(dir, 'temporal.db'), logDir: join(dir, 'logs'), ...options });
  return tracked('a Temporal', server, dir);
}

/** A Kafka that a test may kill and restart. `remove()` when done. */
export async function ownKafka(
  properties: Record<string, string> = {},
  more: Pick<KafkaOptions, 'listeners' | 'formatArgs' | 'javaArgs'> = {},
): Promise<KafkaServer & Removable> {
  const dir = ownDir();
  const server = await startOwnKafka({ dataDir: join(dir, 'kafka'), logDir: join(dir, 'logs'), properties, ...more });
  return tracked('a Kafka', server, dir);
}
