import type { RequestDefinition } from 'kafkajs/src/broker/index.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import {
  type ProduceOptions as KafkajsOptions,
  type ProduceAnswer,
  requests,
} from 'kafkajs/src/protocol/requests/index.js';
import type { Compression } from '../../domain/destination.ts';
import { type Codec, codecs, firstVersion } from './codecs.ts';
import { compressedBatch } from './compressedBatch.ts';
import { NamedError, NotSent } from './failureNames.ts';
import { recordBatchOf } from './recordBatch.ts';

export type ProduceOptions = KafkajsOptions & { compression?: Compression | undefined };

export const produceKey = 0;

async function encoded({ acks, timeout, topicData }: KafkajsOptions, codec: Codec | undefined): Promise<Encoder> {
  const createdAtMs = Date.now();
  const batchOf = async (records: Parameters<typeof recordBatchOf>[0]): Promise<Buffer> => {
    const batch = recordBatchOf(records, createdAtMs);
    return codec ? await compressed(batch, codec) : batch;
  };
  const topics = await Promise.all(
    topicData.map(async ({ topic, partitions }) => ({
      topic,
      partitions: await Promise.all(
        partitions.map(async ({ partition, messages }) => ({ partition, batch: await batchOf(messages) })),
      ),
    })),
  );
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

/** Rejects with a {@link NotSent} where the codec is not there. */
const compressed = (batch: Buffer, codec: Codec): Promise<Buffer> =>
  compressedBatch(batch, codec).catch((error: unknown) => {
    const message = `The records could not be compressed: ${error instanceof Error ? error.message : String(error)}`;
    throw notSent({ name: 'COMPRESSION_FAILED', message });
  });

const notSent = (failure: ConstructorParameters<typeof NamedError>[0]): NotSent =>
  new NotSent(failure.message, { cause: new NamedError(failure) });

/** The codec, where there is to be one. Throws a {@link NotSent} where a broker of this version of the request can't have it. */
function codecFor(compression: Compression, version: number): Codec | undefined {
  if (compression === 'none') return undefined;
  if (version >= codecs[compression].producedSince) return codecs[compression];
  const message = `The broker is too old for ${compression}: it takes no newer produce request than version ${version}.`;
  throw notSent({ name: 'UNSUPPORTED_COMPRESSION_TYPE', code: 76, message });
}

/**
 * kafkajs's Produce, its record batches written into one buffer each: kafkajs makes a buffer of 512 bytes for each record, for each of
 * its headers and for each number in them, which was a third of a worker's main thread (docs/decisions/kafkajs-inside.md).
 */
export const produceRequest: RequestDefinition<ProduceOptions, ProduceAnswer> = {
  versions: requests.Produce.versions,
  protocol:
    (asked) =>
    ({ compression = 'none', ...options }) => {
      const codec = codecFor(compression, asked.version);
      const exchange = requests.Produce.protocol(asked)(options);
      if (asked.version < firstVersion) return exchange;
      return { ...exchange, request: { ...exchange.request, encode: () => encoded(options, codec) } };
    },
};
