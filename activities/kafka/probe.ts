import { hostPortOf } from '../../domain/address.ts';
import type { OpenDestination } from '../../domain/destination.ts';
import { kafkaErrorName } from '../../domain/kafkaErrors.ts';
import { BrokerConnection } from './brokerConnection.ts';
import { connectionSettingsOf } from './connectionSettings.ts';
import { mostTelling, NamedError, namesNoBroker } from './failureNames.ts';
import { type MetadataWithRights, metadataKey, metadataWithRights } from './metadataWithRights.ts';
import { withinMs } from './withinMs.ts';

/** One broker has so long to let us in and to answer, in ms. */
const brokerTimeoutMs = 10_000;
/** So many leaders are asked too. */
export const leadersMax = 20;

export type Probed = {
  /** Whether our principal may write to the topic; absent where the broker does not say. */
  canWrite?: boolean | undefined;
};

/**
 * Whether a destination can be delivered to, as far as that can be known without writing: a broker lets us in and says where
 * the topic is, every partition has a leader, and each leader lets us in. On connections of its own. Rejects where not, as
 * a produce would.
 */
export async function probeTopic(destination: OpenDestination): Promise<Probed> {
  const settings = connectionSettingsOf(destination);
  const seeds = destination.brokers.flatMap((broker) => hostPortOf(broker) ?? []);
  const errors: unknown[] = [];
  for (const { host, port } of seeds) {
    let answer: MetadataWithRights;
    try {
      answer = await asked(new BrokerConnection(host, port, settings, brokerTimeoutMs), destination.topic);
    } catch (error) {
      errors.push(error);
      continue;
    }
    const { leaders, canWrite } = topicIn(answer, destination.topic);
    const others = leaders.filter((leader) => leader.host !== host || leader.port !== port).slice(0, leadersMax);
    await Promise.all(
      others.map((leader) =>
        asked(new BrokerConnection(leader.host, leader.port, settings, brokerTimeoutMs), destination.topic),
      ),
    );
    return { canWrite };
  }
  throw mostTelling(errors) ?? namesNoBroker();
}

/** Connects, authenticates and asks; the connection is closed then. */
async function asked(connection: BrokerConnection, topic: string): Promise<MetadataWithRights> {
  const late = (): NamedError =>
    new NamedError({ name: 'CONNECT_TIMEOUT', message: `${connection.address} did not let us in in time.` });
  const ask = async (): Promise<MetadataWithRights> => {
    await connection.connect();
    return await connection.request(metadataKey, metadataWithRights, {
      topics: [topic],
      allowAutoTopicCreation: false,
    });
  };
  try {
    return await withinMs(brokerTimeoutMs, ask(), late);
  } finally {
    connection.close();
  }
}

type Leader = { host: string; port: number };

type Topic = { leaders: Leader[]; partitions: number; canWrite: boolean | undefined };

/** The leaders of the topic's partitions. Throws where it can't be used. */
export function topicIn(answer: MetadataWithRights, topic: string): Topic {
  const found = answer.topicMetadata.find((one) => one.topic === topic);
  const code = found?.topicErrorCode ?? 3;
  if (!found || code !== 0) throw kafkaError(code, `Topic ${topic}`);
  const brokers = new Map(answer.brokers.map((broker) => [broker.nodeId, broker]));
  const leaders = new Set<MetadataWithRights['brokers'][number]>();
  for (const { partitionId, leader } of found.partitionMetadata) {
    const broker = brokers.get(leader);
    if (!broker) throw kafkaError(5, `Partition ${partitionId}`);
    leaders.add(broker);
  }
  return { leaders: [...leaders], partitions: found.partitionMetadata.length, canWrite: found.canWrite };
}

function kafkaError(code: number, what: string): NamedError {
  const name = kafkaErrorName(code);
  return new NamedError({ name, code, message: `${what}: ${name}` });
}
