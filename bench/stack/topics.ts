import { randomBytes } from 'node:crypto';
import { ensureTopic, kafkaClient } from '../../dev/servers/kafka.ts';
import type { BenchStack } from './benchStack.ts';

/** As many as the example topic of `npm start` has. */
const partitions = 3;

export type BenchTopic = { name: string; remove(): Promise<void> };

/** A topic for one load. */
export async function newTopic({ kafkaBrokers, kind }: BenchStack): Promise<BenchTopic> {
  const name = `bench-${randomBytes(6).toString('hex')}`;
  await ensureTopic(kafkaBrokers, name, partitions);
  const remove = async () => {
    if (kind === 'own') return; // Goes with its folder.
    const admin = kafkaClient(kafkaBrokers, 'causeway-bench').admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [name] }).finally(() => admin.disconnect());
  };
  return { name, remove };
}
