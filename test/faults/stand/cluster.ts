import { join } from 'node:path';
import { type KafkaCluster, startOwnKafkaCluster } from '../../../dev/servers/kafkaCluster.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { type FaultAuth, faultAuths } from '../fault.ts';
import { type Access, accessBy, brokerWith, forEachAuth, type WaysIn } from './waysIn.ts';

/** Three brokers that can each be come to in every way. */
export type FaultCluster = KafkaCluster & { straight: Readonly<Record<FaultAuth, Access>> };

const brokerCount = 3;

export async function startFaultCluster(dir: string, ways: WaysIn): Promise<FaultCluster> {
  const ports = await forEachAuth(() => Promise.all(Array.from({ length: brokerCount }, freePort)));
  const cluster = await startOwnKafkaCluster({
    ...{ dataDir: join(dir, 'cluster'), logDir: join(dir, 'logs') },
    more: (id) => {
      const opened = faultAuths.map((by) => ({ name: by.toUpperCase(), by, port: ports[by][id - 1] ?? 0 }));
      return brokerWith(ways, opened);
    },
  });
  const at = (by: FaultAuth): string[] => ports[by].map((port) => `127.0.0.1:${port}`);
  return Object.assign(cluster, { straight: await forEachAuth(async (by) => accessBy(ways, by, at(by))) });
}
