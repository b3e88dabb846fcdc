import { startChild } from '../child/child.ts';
import { type CpuUse, startCpuMeter } from '../cpu/cpuMeter.ts';
import type { KafkaProducerMethods } from '../kafkaAlone/producing.ts';
import { processesOf } from '../stack/benchStack.ts';
import { newTopic } from '../stack/topics.ts';
import { calmly } from './calm.ts';
import type { Context } from './context.ts';

export type KafkaAloneResult = CpuUse & { recordsPerRequest: number; eventsPerSecond: number };

const recordsPerRequest = [1, 50, 500] as const;

/** (a) kafkajs alone, one request after the other. */
export async function kafkaAlone(context: Context): Promise<KafkaAloneResult[]> {
  const { stack, durations } = context;
  const producer = startChild<KafkaProducerMethods>('kafkaAlone/producing.ts');
  const topic = await newTopic(stack);
  const { kafka } = await processesOf(stack);
  const results: KafkaAloneResult[] = [];
  try {
    for (const records of recordsPerRequest) {
      const job = { brokers: stack.kafkaBrokers, topic: topic.name, records };
      await producer.call('produce', { ...job, seconds: durations.warmUpS });
      const measure = async (): Promise<KafkaAloneResult> => {
        const cpu = await startCpuMeter({ kafka, producer: producer.pid });
        const { eventsPerSecond } = await producer.call('produce', { ...job, seconds: durations.loadS });
        return { recordsPerRequest: records, eventsPerSecond, ...(await cpu()) };
      };
      results.push(await calmly(context, measure));
    }
    return results;
  } finally {
    await producer.stop();
    await topic.remove();
  }
}
