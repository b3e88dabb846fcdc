import { join } from 'node:path';
import { type KafkaNode, type KafkaOptions, type KafkaServer, newClusterId, startKafkaNode } from './kafka.ts';
import { freePort } from './ports.ts';

export type KafkaCluster = {
  brokers: string[];
  /** By the ids that Kafka calls them by. */
  nodes: ReadonlyMap<number, KafkaServer>;
  stop(): Promise<void>;
};

/** What the cluster itself keeps survives the loss of one broker. */
const replicated = {
  'offsets.topic.replication.factor': '3',
  'transaction.state.log.replication.factor': '3',
  'transaction.state.log.min.isr': '2',
};

export type KafkaClusterOptions = Pick<KafkaOptions, 'dataDir' | 'logDir'> & {
  /** More of a broker's options: listeners beside the plain one, for example. */
  more?: (id: number) => Pick<KafkaOptions, 'listeners' | 'properties' | 'formatArgs'>;
};

/** Three brokers of our own, with the ids 1 to 3, that are one cluster; returns when each answers. */
export async function startOwnKafkaCluster({ dataDir, logDir, more }: KafkaClusterOptions): Promise<KafkaCluster> {
  const ids = [1, 2, 3];
  const ports = await Promise.all(
    ids.map(async (id) => ({ id, ports: { broker: await freePort(), controller: await freePort() } })),
  );
  const voters = ports.map(({ id, ports: { controller } }) => `${id}@127.0.0.1:${controller}`).join();
  const clusterId = newClusterId();
  // Together: none of them answers before a majority of the controllers is there.
  const started = await Promise.allSettled(
    ports.map(async (one) => {
      const node: KafkaNode = { ...one, voters, clusterId };
      const given = more?.(one.id) ?? {};
      const options = {
        ...given,
        dataDir: join(dataDir, String(one.id)),
        logDir: join(logDir, 'cluster'),
        properties: { ...replicated, ...given.properties },
      };
      return [one.id, await startKafkaNode(options, node)] as const;
    }),
  );
  const nodes = new Map(started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])));
  const stop = async () => {
    // At once: the last one would wait in vain for a controller to take its leave of.
    await Promise.all([...nodes.values()].map((node) => node.kill()));
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await stop();
    throw failed.reason;
  }
  return { brokers: [...nodes.values()].flatMap((node) => node.brokers), nodes, stop };
}
