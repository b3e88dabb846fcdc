import type { RequestDefinition } from 'kafkajs/src/broker/index.js';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import { type MetadataAnswer, type MetadataOptions, requests } from 'kafkajs/src/protocol/requests/index.js';

export const metadataKey = 3;
/** The first version that tells what we may do with a topic (KIP-430, Kafka 2.3); kafkajs knows them up to 6. */
const version = 8;

export type MetadataWithRights = Omit<MetadataAnswer, 'topicMetadata'> & {
  topicMetadata: (MetadataAnswer['topicMetadata'][number] & {
    /** Absent where the broker does not say. */
    canWrite?: boolean | undefined;
  })[];
};

/** AclOperation.WRITE; the answer has a bit for each operation. */
const writeBit = 1 << 4;
/** How a broker says that it does not say. */
const notSaid = -2_147_483_648;

const rightOf = (operations: number): { canWrite?: boolean } =>
  operations === notSaid ? {} : { canWrite: (operations & writeBit) !== 0 };

const encoded = async ({ topics, allowAutoTopicCreation }: MetadataOptions): Promise<Encoder> =>
  new Encoder()
    .writeArray(topics)
    .writeBoolean(allowAutoTopicCreation)
    .writeBoolean(false) // What we may do with the cluster.
    .writeBoolean(true); // What we may do with the topic.

async function decoded(bytes: unknown): Promise<MetadataWithRights> {
  const decoder = new Decoder(bytes);
  decoder.readInt32(); // Throttle time.
  const brokers = decoder.readArray((at) => {
    const broker = { nodeId: at.readInt32(), host: at.readString(), port: at.readInt32() };
    at.readString(); // Rack.
    return broker;
  });
  decoder.readString(); // Cluster id.
  decoder.readInt32(); // Controller.
  const topicMetadata = decoder.readArray((at) => {
    const topicErrorCode = at.readInt16();
    const topic = at.readString();
    at.readBoolean(); // Whether it is one of Kafka's own.
    const partitionMetadata = at.readArray(partitionFrom);
    return { topicErrorCode, topic, partitionMetadata, ...rightOf(at.readInt32()) };
  });
  return { brokers, topicMetadata };
}

function partitionFrom(at: Decoder): MetadataAnswer['topicMetadata'][number]['partitionMetadata'][number] {
  const partition = { partitionErrorCode: at.readInt16(), partitionId: at.readInt32(), leader: at.readInt32() };
  at.readInt32(); // The leader's epoch.
  for (let lists = 0; lists < 3; lists++) at.readArray((replica) => replica.readInt32()); // All, in sync, offline.
  return partition;
}

const kafkajsVersionMax = 6;

/** Metadata of topics, and whether we may write to them; from a broker before 2.3 without that. */
export const metadataWithRights: RequestDefinition<MetadataOptions, MetadataWithRights> = {
  versions: [String(version)],
  protocol: (asked) =>
    asked.version < version
      ? requests.Metadata.protocol({ version: Math.min(asked.version, kafkajsVersionMax) })
      : (options) => ({
          request: { apiKey: metadataKey, apiVersion: version, apiName: 'Metadata', encode: () => encoded(options) },
          response: { decode: decoded },
        }),
};
