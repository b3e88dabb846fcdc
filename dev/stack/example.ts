import { z } from 'zod';
import { exampleEvent } from '../../api/schemas/event.ts';
import { ensureTopic } from '../servers/kafka.ts';
import type { StackAddresses } from './addresses.ts';
import { type ReadRecord, readTopic, recordLines, topicBounds } from './topicReader.ts';

export const exampleTopic = 'pushrail.events.v1';
const partitions = 3;
const readBackMsMax = 60_000;
const answerMsMax = 30_000;

const { customerExternalId } = exampleEvent;

export type ExampleAddresses = Pick<StackAddresses, 'api' | 'apiKey' | 'kafkaBrokers'>;

async function call(stack: ExampleAddresses, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${stack.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' },
    signal: AbortSignal.timeout(answerMsMax),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

const listSchema = z.object({
  destinations: z.array(z.object({ id: z.string(), topic: z.string(), brokers: z.array(z.string()) })),
});

/** The example customer's destination; where Kafka has moved to another port, the destination follows. */
async function ensureDestination(stack: ExampleAddresses): Promise<void> {
  const query = new URLSearchParams({ customerExternalId });
  const { destinations } = listSchema.parse(await call(stack, 'GET', `/v1/destinations?${query}`));
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

const receiptSchema = z.looseObject({ deliveries: z.array(z.unknown()) });

export type Example = {
  /** What the API answered. */
  receipt: unknown;
  /** Whether any destination takes the event. */
  isDelivery: boolean;
  /** Not there where no destination takes the event, or it did not arrive in time. */
  record: ReadRecord | undefined;
};

/** Sends the example event through the API and reads its record back from Kafka. */
export async function deliverExample(stack: ExampleAddresses): Promise<Example> {
  const brokers = stack.kafkaBrokers;
  await ensureTopic(brokers, exampleTopic, partitions);
  await ensureDestination(stack);
  const { high } = await topicBounds(brokers, exampleTopic);
  // A key of its own for each start: with the same one there would be no second record to show.
  const idempotencyKey = `${exampleEvent.idempotencyKey}-${Date.now()}`;
  let record: ReadRecord | undefined;
  const onRecord = (read: ReadRecord) => {
    if (read.headers.idempotency_key === idempotencyKey) record = read;
    return record !== undefined;
  };
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), readBackMsMax);
  // The consumer gets ready while the event is on its road.
  const reading = readTopic({ brokers, topic: exampleTopic, from: high, onRecord, signal: over.signal });
  reading.catch(() => {}); // It may fail before we come to wait for it.
  try {
    const event = { ...exampleEvent, idempotencyKey, occurredAt: new Date().toISOString() };
    const receipt = await call(stack, 'POST', '/v1/events', event);
    const isDelivery = receiptSchema.parse(receipt).deliveries.length > 0;
    if (!isDelivery) over.abort();
    await reading;
    return { receipt, isDelivery, record };
  } finally {
    clearTimeout(timer);
    over.abort();
    await reading.catch(() => {});
  }
}

/** What became of it, for a person. */
export function exampleLines({ receipt, isDelivery, record }: Example): string[] {
  const accepted = ['The example event was accepted:', `  ${JSON.stringify(receipt)}`];
  if (record)
    return [...accepted, `and its record read back from Kafka, topic ${exampleTopic}:`, ...recordLines(record)];
  const why = isDelivery
    ? `it did not reach Kafka topic ${exampleTopic} in time: the worker's log and the Temporal UI may say why.`
    : `no enabled destination of ${customerExternalId} takes it, so nothing was delivered.`;
  return [...accepted, `but ${why}`];
}
