/** Records that are compressed, as the customer's side has them: a real broker, Kafka's own Java client, and kafkajs's reader. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import kafkajs from 'kafkajs';
import { describe, expect, test } from 'vitest';
import { TestEvent } from '../../activities/kafka/testEvent.ts';
import { type Block, blockOf } from '../../domain/block.ts';
import { type Compression, compressions } from '../../domain/destination.ts';
import { expectRow } from '../harness/failureRow.ts';
import { javaRecords } from '../harness/javaClient.ts';
import type { KafkaRecord } from '../harness/kafka.ts';
import { openDestination, type Try } from '../harness/produceActivity.ts';
import { sharedProduce } from '../harness/sharedProduce.ts';
import { type AloneTry, tryOf } from '../harness/tryAlone.ts';

const shared = sharedProduce();

const named = compressions.filter((name) => name !== 'none');
const typeOf = {
  gzip: kafkajs.CompressionTypes.GZIP,
  snappy: kafkajs.CompressionTypes.Snappy,
  lz4: kafkajs.CompressionTypes.LZ4,
  zstd: kafkajs.CompressionTypes.ZSTD,
} as const;

const producerWith = (compression: Compression | undefined) =>
  ({ lingerMs: 0, batchSizeBytes: 1_048_576, acks: 'all', compression }) as const;
const destinationOf = (topic: string, compression: Compression | undefined) =>
  openDestination({ brokers: shared.kafka.brokers, topic, producer: producerWith(compression) });

/** Events of one key, each with a text of its own. */
const blockWith = (texts: readonly string[]): Block =>
  blockOf(
    texts.map((text, n) => ({
      id: String(n).padStart(22, '0'),
      key: 'k',
      value: Buffer.from(JSON.stringify({ eventType: 'e', idempotencyKey: `${n}`, payload: { text } })),
    })),
    Date.now(),
    0,
  );
const valuesOf = (block: Block): string[] =>
  (JSON.parse(Buffer.from(block.bodies).toString()) as unknown[]).map((value) => JSON.stringify(value));
const textOf = (records: readonly KafkaRecord[]): string[] => records.map(({ value }) => String(value));
const batchesIn = (records: readonly KafkaRecord[]): number => new Set(records.map((one) => one.batchOffset)).size;

/** Compresses to a small part of itself; random text does not, but for its alphabet. */
const plainText = 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. 早上好 '.repeat(12);
const randomText = (bytes: number): string => randomBytes(bytes).toString('base64');

/** How many record batches kafkajs unpacked with this codec while `work` ran. */
async function unpackedWith(name: keyof typeof typeOf, work: () => Promise<void>): Promise<number> {
  const { CompressionCodecs } = kafkajs;
  const usual = CompressionCodecs[typeOf[name]];
  let count = 0;
  CompressionCodecs[typeOf[name]] = () => {
    count++;
    return usual();
  };
  await work().finally(() => {
    CompressionCodecs[typeOf[name]] = usual;
  });
  return count;
}

describe.each(named)('with %s', (compression) => {
  test("each record is read back byte for byte by Kafka's Java client and by kafkajs, and lay compressed in the topic", async () => {
    const topic = await shared.kafka.newTopic();
    // Over many of snappy's blocks, and with what takes several bytes a character.
    const block = blockWith(Array.from({ length: 300 }, (_, n) => `${n} ${plainText}`));

    const { outcome } = await shared.produce.run(destinationOf(topic, compression), block);

    expect(outcome?.landed.flatMap(({ offsets }) => offsets)).toHaveLength(300);
    const unpacked = await unpackedWith(compression, async () => {
      const records = await shared.kafka.records(topic);
      expect(textOf(records)).toEqual(valuesOf(block));
      expect(records[7]).toMatchObject({ headers: { event_type: 'e', idempotency_key: '7' } });
      expect(String(records[7]?.key)).toBe('k');
    });
    expect(unpacked).toBe(1);
    const java = await javaRecords(shared.kafka.brokers, topic, 300);
    expect(java.map(({ value }) => value)).toEqual(valuesOf(block));
    expect(new Set(java.map(({ key }) => key))).toEqual(new Set(['k']));
  });

  test('a batch that a topic takes only when it is compressed goes as one, and what it never takes is found and parked alone', async () => {
    const topic = await shared.kafka.newTopic(1, { 'max.message.bytes': '20000' });
    const large = 11;
    const block = blockWith(
      Array.from({ length: 64 }, (_, n) => (n === large ? randomText(30_000) : `${n} ${plainText}`)),
    );

    const { outcome } = await shared.produce.run(destinationOf(topic, compression), block);

    expect(outcome?.refused).toMatchObject([{ position: large, error: { name: 'MESSAGE_TOO_LARGE', code: 10 } }]);
    const records = await shared.kafka.records(topic);
    expect(textOf(records)).toEqual(valuesOf(block).filter((_, n) => n !== large));
    // Sixty kilobytes over twenty: without compression they are more.
    const others = await shared.kafka.newTopic(1, { 'max.message.bytes': '20000' });
    await shared.produce.run(destinationOf(others, 'none'), block);
    expect(batchesIn(records)).toBeLessThan(batchesIn(await shared.kafka.records(others)));
  });

  test('the record of a connection test is compressed as any other', async () => {
    const topic = await shared.kafka.newTopic();
    await expect(new TestEvent(destinationOf(topic, compression)).sent()).resolves.toBe('partition 0, offset 0');
    expect(await shared.kafka.records(topic)).toHaveLength(1);
  });
});

test.each(['uncompressed', 'gzip'])(
  'a topic that packs anew what it gets (compression.type=%s) refuses by its own size, and each record still gets there',
  async (type) => {
    const topic = await shared.kafka.newTopic(1, { 'compression.type': type, 'max.message.bytes': '20000' });
    const block = blockWith(Array.from({ length: 64 }, (_, n) => `${n} ${randomText(600)}`));
    const { outcome } = await shared.produce.run(destinationOf(topic, 'zstd'), block);
    expect(outcome?.refused).toEqual([]);
    const records = await shared.kafka.records(topic);
    expect(textOf(records)).toEqual(valuesOf(block));
    expect(batchesIn(records)).toBeGreaterThan(1);
  },
);

test('a destination from before there was a choice sends its records as they are', async () => {
  const topic = await shared.kafka.newTopic();
  await shared.produce.run(destinationOf(topic, undefined), blockWith([plainText, plainText]));
  const read = async (): Promise<void> => {
    expect(await shared.kafka.records(topic)).toHaveLength(2);
  };
  let unpacked = 0;
  let work = read;
  for (const name of named) {
    const inner = work;
    work = async () => {
      unpacked += await unpackedWith(name, inner);
    };
  }
  await work();
  expect(unpacked).toBe(0);
});

/** As on a machine that the package has no binary for: it can't be loaded. */
const withoutPackage = `
  export const resolve = (specifier, context, next) => {
    if (specifier === 'snappy') throw new Error('Failed to load native binding');
    return next(specifier, context);
  };
`;

test('COMPRESSION_FAILED: where the package is not there for this machine nothing is sent, and other compressions go on', async () => {
  const topic = await shared.kafka.newTopic();
  const script = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(withoutPackage)}));
    const { Client, Connection } = await import('@temporalio/client');
    const { blockWithKeys, openDestination, testProduce } = await import('./test/harness/produceActivity.ts');
    const given = JSON.parse(process.argv[1]);
    const client = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
    const produce = testProduce({ client });
    // Long enough to be worth compressing.
    const block = blockWithKeys(Array.from({ length: 50 }, () => 'k'));
    const tries = [];
    for (const [n, compression] of ['snappy', 'lz4'].entries()) {
      const producer = { lingerMs: 0, batchSizeBytes: 1_048_576, acks: 'all', compression };
      const { thrown, ...tried } = await produce.run(openDestination({ ...given, producer, version: n + 1 }), block);
      tries.push({ ...tried, thrownType: thrown?.type });
    }
    process.stdout.write(JSON.stringify(tries), () => process.exit(0));
  `;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const given = JSON.stringify({ brokers: shared.kafka.brokers, topic });
  const { stdout } = await promisify(execFile)(process.execPath, [...args, given], { timeout: 60_000 });
  const [snappy, lz4] = JSON.parse(stdout) as [AloneTry, Try]; // Written by the script above.
  await expectRow({ name: 'COMPRESSION_FAILED' }, async () => tryOf(snappy));
  expect(snappy.progress.landed).toEqual([]);
  expect(lz4.outcome?.landed).toMatchObject([{ offsets: Array.from({ length: 50 }, (_, n) => n) }]);
});
