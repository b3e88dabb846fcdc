/** `npm run read`: the newest records of a topic of the running stack. Arguments: `[topic] [--follow]`. */
import { parseArgs } from 'node:util';
import { readStackFile } from './stack/addresses.ts';
import { exampleTopic } from './stack/example.ts';
import { type Position, type ReadRecord, readTopic, recordLines, topicBounds } from './stack/topicReader.ts';

const newestCount = 10;

const print = (record: ReadRecord): void => console.log(`${recordLines(record).join('\n')}\n`);

/** For each partition the start of its newest records, or of all where there are few. */
const newest = (low: Position[], high: Position[]): Position[] =>
  high.map(({ partition, offset }) => {
    const first = BigInt(low.find((position) => position.partition === partition)?.offset ?? 0);
    const start = BigInt(offset) - BigInt(newestCount);
    return { partition, offset: String(start > first ? start : first) };
  });

async function readNewest(brokers: string[], topic: string, low: Position[], high: Position[]): Promise<ReadRecord[]> {
  const from = newest(low, high);
  const left = new Map(
    high.filter((end, n) => end.offset !== from[n]?.offset).map((end) => [end.partition, end.offset]),
  );
  const records: ReadRecord[] = [];
  const onRecord = (record: ReadRecord) => {
    const end = BigInt(left.get(record.partition) ?? 0);
    if (BigInt(record.offset) < end) records.push(record);
    if (BigInt(record.offset) + 1n >= end) left.delete(record.partition);
    return left.size === 0;
  };
  if (left.size > 0) await readTopic({ brokers, topic, from, onRecord, signal: AbortSignal.timeout(30_000) });
  return records.sort((a, b) => a.timestamp - b.timestamp).slice(-newestCount);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { follow: { type: 'boolean' } }, allowPositionals: true });
  const [topic = exampleTopic] = positionals;
  const { kafkaBrokers: brokers } = await readStackFile();
  const { low, high } = await topicBounds(brokers, topic).catch((error: unknown) => {
    const isUnknown = error instanceof Error && 'type' in error && error.type === 'UNKNOWN_TOPIC_OR_PARTITION';
    throw isUnknown ? new Error(`Kafka at ${brokers.join()} has no topic ${topic}.`) : error;
  });
  const records = await readNewest(brokers, topic, low, high);
  for (const record of records) print(record);
  console.log(`${records.length} newest records of ${topic}.`);
  if (!values.follow) return;
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  const onRecord = (record: ReadRecord) => {
    print(record);
    return false;
  };
  await readTopic({ brokers, topic, from: high, onRecord, signal: stop.signal });
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
