import { randomUUID } from 'node:crypto';
import { exampleEvent } from '../../api/schemas/event.ts';
import { ensureTopic, kafkaClient } from '../servers/kafka.ts';
import type { StackAddresses } from './stack.ts';

export const exampleTopic = 'pushrail.events.v1';
const partitions = 3;
const readBackMsMax = 60_000;

export type ReadRecord = {
  partition: number;
  offset: string;
  key: string;
  headers: Record<string, string>;
  value: string;
};

async function call(stack: StackAddresses, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${stack.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

type Listed = { id: string; name: string; topic: string; brokers: string[] };

/** The example customer's destination; where Kafka has moved to another port, the destination follows. */
async function ensureDestination(stack: StackAddresses): Promise<void> {
  const { customerExternalId } = exampleEvent;
  const query = new URLSearchParams({ customerExternalId });
  const { destinations } = (await call(stack, 'GET', `/v1/destinations?${query}`)) as { destinations: Listed[] };
  const found = destinations.find(({ topic }) => topic === exampleTopic);
  const brokers = stack.kafkaBrokers;
  if (!found) {
    await call(stack, 'POST', '/v1/destinations', {
      type: 'KAFKA',
      name: 'Example',
      customerExternalId,
      brokers,
      topic: exampleTopic,
      partitionKey: 'customerExternalId',
      auth: { mode: 'NONE' },
    });
  } else if (found.brokers.join() !== brokers.join()) {
    await call(stack, 'PATCH', `/v1/destinations/${found.id}`, { brokers });
  }
}

/** Notes where the topic ends now, and returns what reads on from there to the record with this idempotency key. */
async function readerFromHere(brokers: string[]) {
  const kafka = kafkaClient(brokers);
  const groupId = `causeway-example-${randomUUID()}`;
  const admin = kafka.admin();
  await admin.connect();
  const ends = await admin.fetchTopicOffsets(exampleTopic);
  const from = ends.map(({ partition, high }) => ({ partition, offset: high }));
  await admin.setOffsets({ groupId, topic: exampleTopic, partitions: from });
  return async (idempotencyKey: string): Promise<ReadRecord> => {
    const consumer = kafka.consumer({ groupId });
    let timer: NodeJS.Timeout | undefined;
    try {
      await consumer.connect();
      await consumer.subscribe({ topic: exampleTopic });
      return await new Promise<ReadRecord>((resolve, reject) => {
        const late = new Error(`The example event did not reach Kafka within ${readBackMsMax / 1000} s.`);
        timer = setTimeout(() => reject(late), readBackMsMax);
        consumer
          .run({
            eachMessage: async ({ partition, message }) => {
              const named = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)]);
              const headers: Record<string, string> = Object.fromEntries(named);
              if (headers.idempotency_key !== idempotencyKey) return;
              const { offset, key, value } = message;
              resolve({ partition, offset, key: String(key), headers, value: String(value) });
            },
          })
          .catch(reject);
      });
    } finally {
      clearTimeout(timer);
      await consumer.disconnect();
      await admin.deleteGroups([groupId]);
      await admin.disconnect();
    }
  };
}

/** Sends the example event through the API and reads its record back from Kafka. */
export async function deliverExample(stack: StackAddresses): Promise<{ receipt: unknown; record: ReadRecord }> {
  await ensureTopic(stack.kafkaBrokers, exampleTopic, partitions);
  await ensureDestination(stack);
  const readRecord = await readerFromHere(stack.kafkaBrokers);
  // A key of its own for each start: with the same one there would be no second record to show.
  const idempotencyKey = `${exampleEvent.idempotencyKey}-${Date.now()}`;
  const occurredAt = new Date().toISOString();
  const receipt = await call(stack, 'POST', '/v1/events', { ...exampleEvent, idempotencyKey, occurredAt });
  return { receipt, record: await readRecord(idempotencyKey) };
}
