/** The client cannot lie: what it calls written is there, whatever happens in the middle of a send. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Landed } from '../../domain/attempt.ts';
import { kafkaPartitionOf } from '../../domain/kafkaPartition.ts';
import { type KafkaRecord, type TestKafka, testKafka } from '../harness/kafka.ts';
import { type Kfake, startKfake } from '../harness/kfake.ts';
import { blockWithKeys, openDestination, type TestProduce, type Try, testProduce } from '../harness/produceActivity.ts';
import { sharedTemporal, type TestTemporal } from '../harness/temporal.ts';

const partitions = 3;
const events = 60;

let kfake: Kfake;
let kafka: TestKafka;
let temporal: TestTemporal;
let produce: TestProduce;
beforeAll(async () => {
  [kfake, temporal] = await Promise.all([startKfake({ brokers: 3 }), sharedTemporal()]);
  kafka = testKafka(kfake.brokers);
  produce = testProduce(temporal);
});
afterAll(async () => {
  produce.close();
  await kafka.stop();
  await Promise.all([kfake.stop(), temporal.stop()]);
});

/** Every partition gets a third of the events, whose names are their positions in the batch. */
const keys = Array.from({ length: events }, (_, n) => `key-${n % 7}`);
const block = blockWithKeys(keys);
const partitionOf = (key: string): number => kafkaPartitionOf(Buffer.from(key), partitions);
const nameOf = ({ headers }: KafkaRecord): string => headers.idempotency_key ?? '';

/** What was claimed and is not there, at the very place. */
const lies = (landed: readonly Landed[], records: readonly KafkaRecord[]): string[] =>
  landed.flatMap(({ partition, positions, offsets }) =>
    positions.flatMap((position, n) => {
      const there = records.find((record) => record.partition === partition && record.offset === offsets[n]);
      return there && nameOf(there) === `${position}` ? [] : [`${position} at ${partition}/${offsets[n]}`];
    }),
  );

const harms: [what: string, copies: 'none' | 'allowed', harm: (topic: string) => Promise<void>][] = [
  ['the leader of one partition moves', 'none', (topic) => kfake.moveLeader(topic, 1, 2, 'during the next produce')],
  [
    'the leaders of two partitions move',
    'none',
    async (topic) => {
      await kfake.moveLeader(topic, 0, 1, 'during the next produce');
      await kfake.moveLeader(topic, 2, 2, 'during the next produce');
    },
  ],
  ['one partition has too few replicas', 'none', (topic) => kfake.fault({ ...one(topic), code: 19, count: 1 })],
  [
    'one partition has too few once it was written',
    'allowed',
    (topic) => kfake.fault({ ...one(topic), code: 20, count: 1 }),
  ],
  ['one partition is not confirmed in time', 'allowed', (topic) => kfake.fault({ ...one(topic), code: 7, count: 1 })],
  [
    'one partition fails for a reason without a name',
    'none',
    (topic) => kfake.fault({ ...one(topic), code: -1, count: 1 }),
  ],
  ['the answer names no partition', 'none', (topic) => kfake.answerNothing({ api: 'Produce', topic, count: 1 })],
  ['the connection breaks before', 'none', (topic) => kfake.hangUp('before', { api: 'Produce', topic, count: 1 })],
  ['the connection breaks after', 'allowed', () => kfake.hangUp('after', { api: 'Produce', count: 1 })],
];
const one = (topic: string) => ({ api: 'Produce' as const, topic, partitions: [1] });

test.each(harms)(
  '%s: no success is reported for a record that was not written (copies: %s)',
  async (_, copies, harm) => {
    const topic = await kfake.newTopic(partitions);
    // One request holds all partitions.
    for (let partition = 0; partition < partitions; partition++) await kfake.moveLeader(topic, partition, 0, 'now');
    const destination = openDestination({ brokers: kfake.brokers, topic });
    await harm(topic);

    const first = await produce.run(destination, block);
    // Else nothing has happened, and this test would show nothing.
    expect(first.thrown?.type).toEqual(expect.any(String));
    expect(lies(first.progress.landed, await kafka.records(topic))).toEqual([]);

    const tries: Try[] = [first];
    for (let last = first; !last.outcome && tries.length < 10; tries.push(last)) {
      last = await produce.run(destination, block, { attempt: tries.length + 1, heartbeatDetails: last.progress });
    }
    const landed = tries.at(-1)?.outcome?.landed ?? [];
    const records = await kafka.records(topic);
    expect(lies(landed, records)).toEqual([]);
    expect(landed.flatMap(({ positions }) => positions).sort((a, b) => a - b)).toEqual(keys.map((__, n) => n));
    const seen = records.map(nameOf);
    if (copies === 'none') expect(seen).toHaveLength(events);
    for (const key of new Set(keys)) {
      const own = records.filter((record) => String(record.key) === key);
      expect([...new Set(own.map(nameOf))]).toEqual(keys.flatMap((other, n) => (other === key ? [`${n}`] : [])));
      expect(own.every(({ partition }) => partition === partitionOf(key))).toBe(true);
    }
    await kfake.reset();
  },
);
