/** The process that one client writes in: so that its CPU time and its heap are its own. */

import { Producer as PlatformaticProducer } from '@platformatic/kafka';
import { Partitioners } from 'kafkajs';
import { LingeringProducer } from '../../activities/kafka/lingeringProducer.ts';
import type { AddressedRecord } from '../../activities/kafka/records.ts';
import { type BrokerClients, kafkajsBrokers, TopicConnection } from '../../activities/kafka/topicConnection.ts';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import type { OpenDestination } from '../../domain/destination.ts';
import { kafkaPartitionOf } from '../../domain/kafkaPartition.ts';
import { serve } from '../child/serve.ts';
import { nowMs } from '../clock.ts';
import { eventMaker } from '../load/events.ts';
import type { ClientJob, ClientMethods, Written } from './clients.ts';
import { platformaticBrokers } from './platformaticBroker.ts';

type Submitter = { submit(records: readonly AddressedRecord[]): Promise<Claim>; close(): Promise<void> };
type Claim = { claimed: number; error?: string };

const batchSizeBytes = 1_048_576;
const recordsCount = 2_048;

const destinationOf = ({ brokers, topic, lingerMs }: ClientJob): OpenDestination => ({
  ...{ id: 'dst_bench', customerExternalId: 'c', type: 'KAFKA', name: 'bench', enabled: true, version: 1 },
  ...{ partitionKey: 'payload.orderId', eventTypes: ['*'], onDeadLetter: 'continue', ordering: { lanes: 4 } },
  auth: { mode: 'NONE', tls: false },
  producer: { lingerMs, batchSizeBytes, acks: 'all' },
  ...{ createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z', secrets: {} },
  ...{ allowPrivate: true, brokers, topic },
});

function behindOurs(job: ClientJob, brokers: BrokerClients): Submitter {
  const producer = new LingeringProducer(1, new TopicConnection(destinationOf(job), brokers), batchSizeBytes);
  return {
    submit: async (records) => {
      const { signal } = new AbortController(); // One for each, as an attempt has.
      const how = { dueAtMs: Date.now() + job.lingerMs, isAlone: false, isWanted: () => true, signal };
      const answers = await producer.submit({ records, ...how });
      const failed = [...answers].filter(([, answer]) => 'failure' in answer);
      const lost = new Set(failed.map(([partition]) => partition));
      const [first] = failed.map(([, answer]) => ('failure' in answer ? answer.failure.name : ''));
      const claimed = records.filter(({ partition }) => !lost.has(partition)).length;
      return { claimed, ...(first !== undefined && { error: first }) };
    },
    close: async () => producer.retire(),
  };
}

async function kafkajsProducer({ brokers, topic }: ClientJob): Promise<Submitter> {
  const options = { allowAutoTopicCreation: false, createPartitioner: Partitioners.DefaultPartitioner };
  const producer = kafkaClient(brokers, 'causeway-bench').producer({ ...options, retry: { retries: 0 } });
  await producer.connect();
  return {
    submit: async (records) => {
      const messages = records.map(({ partition, record }) => ({
        ...{ partition, key: Buffer.from(record.key), value: Buffer.from(record.value), headers: record.headers },
      }));
      await producer.send({ topic, messages, acks: -1 });
      return { claimed: records.length };
    },
    close: () => producer.disconnect(),
  };
}

async function platformaticProducer({ brokers, topic }: ClientJob): Promise<Submitter> {
  const producer = new PlatformaticProducer({ clientId: 'bench', bootstrapBrokers: brokers, retries: 0, acks: -1 });
  return {
    submit: async (records) => {
      const messages = records.map(({ partition, record }) => ({
        ...{ topic, partition, key: Buffer.from(record.key), value: Buffer.from(record.value) },
        headers: new Map(
          Object.entries(record.headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)] as const),
        ),
      }));
      await producer.send({ messages });
      return { claimed: records.length };
    },
    close: () => producer.close(),
  };
}

async function submitterOf(job: ClientJob): Promise<Submitter> {
  switch (job.client) {
    case 'kafkajs':
      return behindOurs(job, kafkajsBrokers);
    case 'platformatic':
      return behindOurs(job, platformaticBrokers('ours'));
    case 'platformatic-own':
      return behindOurs(job, platformaticBrokers('its own'));
    case 'kafkajs-producer':
      return await kafkajsProducer(job);
    case 'platformatic-producer':
      return await platformaticProducer(job);
  }
}

function records(partitions: number): AddressedRecord[] {
  const maker = eventMaker('clients', 'acct_bench', 'spread');
  return Array.from({ length: recordsCount }, (_, n) => {
    const key = Buffer.from(maker.keyOf(n));
    const value = Buffer.from(maker.textOf(n, maker.keyOf(n)));
    const headers = {
      event_type: 'order.shipped',
      occurred_at: '2026-01-15T09:30:00.000Z',
      customer_external_id: 'acct_bench',
      idempotency_key: `clients-${n}`,
    };
    const partition = kafkaPartitionOf(key, partitions);
    return { partition, record: { key, value, headers }, bytes: value.length + key.length + 150 };
  });
}

async function write(job: ClientJob): Promise<Written> {
  const all = records(job.partitions);
  const submitter = await submitterOf(job);
  let [claimed, refused, next] = [0, 0, 0];
  let firstError: string | undefined;
  try {
    const cpu = process.cpuUsage();
    const startedAtMs = nowMs();
    const lane = async (): Promise<void> => {
      while (nowMs() - startedAtMs < job.seconds * 1_000) {
        const some = Array.from({ length: job.recordsEach }, (_, i) => all[(next + i) % recordsCount]).filter(
          (one) => one !== undefined,
        );
        next += job.recordsEach;
        const claim = await submitter.submit(some);
        claimed += claim.claimed;
        refused += some.length - claim.claimed;
        firstError ??= claim.error;
      }
    };
    await Promise.all(Array.from({ length: job.lanes }, lane));
    const seconds = (nowMs() - startedAtMs) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    const cpuSeconds = (user + system) / 1e6;
    return { claimed, refused, seconds, cpuSeconds, ...(firstError !== undefined && { firstError }) };
  } finally {
    await submitter.close();
  }
}

serve<ClientMethods>({ write });
