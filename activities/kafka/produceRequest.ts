import type { RequestDefinition } from 'kafkajs/src/broker/index.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { type ProduceAnswer, type ProduceOptions, requests } from 'kafkajs/src/protocol/requests/index.js';
import { recordBatchOf } from './recordBatch.ts';

export const produceKey = 0;
/** The first version with message format 2 (Kafka 0.11). */
const firstVersion = 3;

function encoded({ acks, timeout, topicData }: ProduceOptions): Encoder {
  const createdAtMs = Date.now();
  const topics = topicData.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, messages }) => ({
      partition,
      batch: recordBatchOf(messages, createdAtMs),
    })),
  }));
  const bytes = topics
    .flatMap(({ partitions }) => partitions)
    .reduce((sum, { batch }) => sum + batch.length + 8, 1_024);
  const encoder = new Encoder(bytes).writeString(null).writeInt16(acks).writeInt32(timeout).writeInt32(topics.length);
  for (const { topic, partitions } of topics) {
    encoder.writeString(topic).writeInt32(partitions.length);
    for (const { partition, batch } of partitions) encoder.writeInt32(partition).writeBytes(batch);
  }
  return encoder;
}

/**
 * kafkajs's Produce, its record batches written into one buffer each: kafkajs makes a buffer of 512 bytes for each record, for each of
 * its headers and for each number in them, which was a third of a worker's main thread (docs/decisions/kafkajs-inside.md).
 */
export const produceRequest: RequestDefinition<ProduceOptions, ProduceAnswer> = {
  versions: requests.Produce.versions,
  protocol: (asked) => (options) => {
    const exchange = requests.Produce.protocol(asked)(options);
    if (asked.version < firstVersion) return exchange;
    return { ...exchange, request: { ...exchange.request, encode: async () => encoded(options) } };
  },
};
