/** The process of part (a): kafkajs, with nothing around it. */
import { Partitioners } from 'kafkajs';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import { serve } from '../child/serve.ts';
import { nowMs } from '../clock.ts';
import { eventMaker } from '../load/events.ts';

export type ProduceJob = { brokers: string[]; topic: string; records: number; seconds: number };
export type KafkaProducerMethods = { produce(job: ProduceJob): Promise<{ eventsPerSecond: number }> };

const valuesCount = 2_048;

/** One request after the other, each with so many records, for so long. */
async function produce({ brokers, topic, records, seconds }: ProduceJob): Promise<{ eventsPerSecond: number }> {
  const producer = kafkaClient(brokers, 'causeway-bench').producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
    retry: { retries: 0 },
  });
  const maker = eventMaker('alone', 'acct_bench', 'customer');
  const values = Array.from({ length: valuesCount }, (_, n) => Buffer.from(maker.textOf(n, maker.keyOf(n))));
  await producer.connect();
  try {
    let sent = 0;
    const startedAtMs = nowMs();
    while (nowMs() - startedAtMs < seconds * 1_000) {
      const messages = Array.from({ length: records }, (_, i) => ({
        key: 'acct_bench',
        value: values[(sent + i) % valuesCount] ?? null,
      }));
      await producer.send({ topic, messages, acks: -1 });
      sent += records;
    }
    return { eventsPerSecond: (1_000 * sent) / (nowMs() - startedAtMs) };
  } finally {
    await producer.disconnect();
  }
}

serve<KafkaProducerMethods>({ produce });
