import type {
  MetadataAnswer,
  MetadataOptions,
  ProduceAnswer,
  RecordToSend,
} from 'kafkajs/src/protocol/requests/index.js';
import { hostPortOf } from '../../domain/address.ts';
import type { Compression, OpenDestination } from '../../domain/destination.ts';
import { duplicateSequenceNumber, kafkaErrorName } from '../../domain/kafkaErrors.ts';
import { BrokerConnection, closedBefore, wasNotSent } from './brokerConnection.ts';
import { connectionSettingsOf } from './connectionSettings.ts';
import { failureIn, mostTelling, NamedError, type NamedFailure, namesNoBroker } from './failureNames.ts';
import type { ProduceOptions } from './produceRequest.ts';
import { withinMs } from './withinMs.ts';

export type { RecordToSend };

/** What became of the records for one partition: all of them were written, or none is known to be. */
export type PartitionAnswer =
  | { broker: string; baseOffset: number }
  | {
      broker: string | undefined;
      failure: NamedFailure;
      /** Whether the request was on its way when it failed: the records may be there all the same. */
      isUnknown: boolean;
      /** Whether the broker was not even asked to write them: whatever the failure is called, they are not there. */
      isUnsent?: boolean;
    };

/** The offset of a record so many after the first one. A broker that had the batch already may not say where (-1). */
export const offsetAfter = (baseOffset: number, records: number): number =>
  baseOffset < 0 ? baseOffset : baseOffset + records;

/** The broker waits this long for its replicas, in ms. */
const produceTimeoutMs = 10_000;
/** We wait this long for any answer, in ms. */
const requestTimeoutMs = 12_000;
const connectTimeoutMs = 10_000;
const metadataTimeoutMs = 5_000;
/** As long as the Java client takes metadata for good, in ms; an error of a partition ends it sooner. */
const metadataAgeMsMax = 5 * 60_000;
/** As the protocol has it: what `acks` says, and `all` is -1. */
const allReplicas = -1;

/**
 * A connection to one broker, whatever client is under it: {@link BrokerConnection}, and in bench/clients another one. One
 * try is one try there, too; `isWanted` is asked right before a request is written; `close` ends its sockets at once.
 */
export type BrokerClient = {
  readonly address: string;
  readonly isUsable: boolean;
  connect(): Promise<void>;
  produce(options: ProduceOptions, isWanted: () => boolean): Promise<ProduceAnswer>;
  metadata(options: MetadataOptions): Promise<MetadataAnswer>;
  close(reason?: Error): void;
};
/** How a destination's brokers are connected to, `timeoutMs` being for the answer to a request. */
export type BrokerClients = (
  destination: OpenDestination,
) => (host: string, port: number, timeoutMs: number) => BrokerClient;

export const kafkajsBrokers: BrokerClients = (destination) => {
  const settings = connectionSettingsOf(destination);
  return (host, port, timeoutMs) => new BrokerConnection(host, port, settings, timeoutMs);
};

type Leader = { host: string; port: number };
type Metadata = { leaders: ReadonlyMap<number, Leader | undefined>; partitions: number; loadedAtMs: number };

/**
 * A customer's topic: where its partitions' leaders are, and the connections to them. One try is one try: nothing here tries
 * again, for the lane must know of each.
 */
export class TopicConnection {
  private readonly topic: string;
  private readonly seeds: readonly string[];
  private readonly acks: number;
  private readonly compression: Compression | undefined;
  private readonly brokerAt: ReturnType<BrokerClients>;
  private readonly connections = new Map<string, BrokerClient>();
  private metadata: Metadata | undefined;
  private loading: Promise<Metadata> | undefined;
  private nextSeed = 0;
  /** Apart from the others: an answer about the topic must not wait behind a slow write, nor be given up with it. */
  private metadataConnection: BrokerClient | undefined;
  private isClosed = false;
  /** Grows when everything is closed: what was begun before must not go on. */
  private generation = 0;

  constructor(destination: OpenDestination, brokers: BrokerClients = kafkajsBrokers) {
    this.topic = destination.topic;
    this.seeds = destination.brokers;
    this.acks = destination.producer.acks === 'all' ? allReplicas : destination.producer.acks;
    this.compression = destination.producer.compression;
    this.brokerAt = brokers(destination);
  }

  /** How many partitions the topic has. Rejects where no broker tells. */
  async partitionCount(): Promise<number> {
    return (await this.freshMetadata()).partitions;
  }

  /**
   * Sends each partition's records to its leader, one request a broker. `isWanted` is asked right before each is written.
   * Never rejects.
   */
  async send(
    sets: ReadonlyMap<number, readonly RecordToSend[]>,
    isWanted: () => boolean,
  ): Promise<Map<number, PartitionAnswer>> {
    const answers = new Map<number, PartitionAnswer>();
    const notSent = (partition: number, failure: NamedFailure) =>
      answers.set(partition, { broker: undefined, failure, isUnknown: false, isUnsent: true });
    let leaders: Metadata['leaders'];
    try {
      ({ leaders } = await this.freshMetadata());
    } catch (error) {
      for (const partition of sets.keys()) notSent(partition, failureIn(error));
      return answers;
    }
    const byLeader = new Map<string, { leader: Leader; partitions: number[] }>();
    for (const partition of sets.keys()) {
      const leader = leaders.get(partition);
      if (!leader) {
        notSent(partition, {
          name: 'LEADER_NOT_AVAILABLE',
          code: 5,
          message: `Partition ${partition} has no leader now.`,
        });
        continue;
      }
      const address = `${leader.host}:${leader.port}`;
      const known = byLeader.get(address);
      if (known) known.partitions.push(partition);
      else byLeader.set(address, { leader, partitions: [partition] });
    }
    const sent = [...byLeader.values()].map(({ leader, partitions }) =>
      this.sendTo(leader, partitions, sets, isWanted),
    );
    for (const one of await Promise.all(sent)) for (const [partition, answer] of one) answers.set(partition, answer);
    // What failed may have moved.
    if ([...answers.values()].some((answer) => 'failure' in answer)) this.metadata = undefined;
    return answers;
  }

  /** Ends every connection at once. What is under way fails with its outcome unknown. */
  close(): void {
    this.isClosed = true;
    this.closeConnections();
  }

  /** Ends every connection at once; the next send makes new ones. */
  closeConnections(): void {
    this.generation++;
    for (const connection of this.connections.values()) connection.close();
    this.connections.clear();
    this.metadataConnection?.close();
    this.metadataConnection = undefined;
    this.metadata = undefined;
  }

  private async sendTo(
    leader: Leader,
    partitions: readonly number[],
    sets: ReadonlyMap<number, readonly RecordToSend[]>,
    isWanted: () => boolean,
  ): Promise<[number, PartitionAnswer][]> {
    const connection = this.connectionTo(leader);
    const broker = connection.address;
    const failed = (error: unknown, isUnsent: boolean): [number, PartitionAnswer][] =>
      partitions.map((partition) => [partition, { broker, failure: failureIn(error), isUnknown: !isUnsent, isUnsent }]);
    try {
      await this.connected(connection);
    } catch (error) {
      return failed(error, true);
    }
    try {
      const data = partitions.map((partition) => ({ partition, messages: sets.get(partition) ?? [] }));
      const produce = {
        acks: this.acks,
        compression: this.compression,
        timeout: produceTimeoutMs,
        topicData: [{ topic: this.topic, partitions: data }],
      };
      const answer = await connection.produce(produce, isWanted);
      const told = answer.topics.find(({ topicName }) => topicName === this.topic)?.partitions ?? [];
      const byPartition = new Map(told.map((one) => [one.partition, one]));
      return partitions.map((partition) => [partition, partitionAnswer(broker, byPartition.get(partition))]);
    } catch (error) {
      return failed(error, wasNotSent(error));
    }
  }

  private connectionTo({ host, port }: Leader): BrokerClient {
    const address = `${host}:${port}`;
    const known = this.connections.get(address);
    if (known?.isUsable) return known;
    const connection = this.brokerAt(host, port, requestTimeoutMs);
    this.connections.set(address, connection);
    return connection;
  }

  private async connected(connection: BrokerClient): Promise<void> {
    if (this.isClosed)
      throw new NamedError({ name: 'CONNECTION_CLOSED', message: 'The destination was changed meanwhile.' });
    const late = (): NamedError => {
      connection.close();
      return new NamedError({ name: 'CONNECT_TIMEOUT', message: `${connection.address} did not let us in in time.` });
    };
    await withinMs(connectTimeoutMs, connection.connect(), late);
  }

  private freshMetadata(): Promise<Metadata> {
    if (this.metadata && performance.now() - this.metadata.loadedAtMs < metadataAgeMsMax) {
      return Promise.resolve(this.metadata);
    }
    this.loading ??= this.load().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  /** Asks the broker that told it last, or else the destination's brokers, one after the other. */
  private async load(): Promise<Metadata> {
    const errors: unknown[] = [];
    const { generation } = this;
    const seeds = this.seeds.map((_, i) => this.seeds[(this.nextSeed + i) % this.seeds.length]);
    this.nextSeed++;
    for (const candidate of [this.metadataConnection, ...seeds]) {
      const connection = typeof candidate === 'string' ? this.seedConnection(candidate) : candidate;
      if (!connection?.isUsable) continue;
      this.metadataConnection = connection;
      try {
        await this.connected(connection);
        const answer = await this.askedFor(connection);
        this.metadata = metadataFrom(answer, this.topic);
        return this.metadata;
      } catch (error) {
        // A broker has answered: another one would say the same.
        if (error instanceof TopicError) throw error.named;
        if (generation !== this.generation) throw closedBefore;
        errors.push(error);
      }
    }
    throw mostTelling(errors) ?? namesNoBroker();
  }

  private askedFor(connection: BrokerClient): Promise<MetadataAnswer> {
    const asked = { topics: [this.topic], allowAutoTopicCreation: false };
    const late = (): NamedError => {
      connection.close();
      const message = `${connection.address} did not say in time where the topic is.`;
      return new NamedError({ name: 'CONNECT_TIMEOUT', message });
    };
    return withinMs(metadataTimeoutMs, connection.metadata(asked), late);
  }

  private seedConnection(seed: string): BrokerClient | undefined {
    const at = hostPortOf(seed);
    return at && this.brokerAt(at.host, at.port, requestTimeoutMs);
  }
}

/** The topic can't be used, as a broker says. */
class TopicError extends Error {
  constructor(readonly named: NamedError) {
    super(named.message);
  }
}

const kafkaFailure = (code: number, what: string): NamedFailure => {
  const name = kafkaErrorName(code);
  return { name, code, message: `${what}: ${name}` };
};

function partitionAnswer(
  broker: string,
  told: { partition: number; errorCode: number; baseOffset: string } | undefined,
): PartitionAnswer {
  if (!told) {
    const message = "The broker's answer lacks the partition.";
    return { broker, failure: { name: 'NO_ANSWER_FOR_PARTITION', message }, isUnknown: true };
  }
  const { partition, errorCode, baseOffset } = told;
  if (errorCode === 0 || errorCode === duplicateSequenceNumber) return { broker, baseOffset: Number(baseOffset) };
  return { broker, failure: kafkaFailure(errorCode, `Partition ${partition} at ${broker}`), isUnknown: false };
}

function metadataFrom(answer: MetadataAnswer, topic: string): Metadata {
  const found = answer.topicMetadata.find((one) => one.topic === topic);
  const code = found?.topicErrorCode ?? 3;
  if (!found || code !== 0) throw new TopicError(new NamedError(kafkaFailure(code, `Topic ${topic}`)));
  const brokers = new Map(answer.brokers.map((broker) => [broker.nodeId, broker]));
  const leaders = new Map(found.partitionMetadata.map(({ partitionId, leader }) => [partitionId, brokers.get(leader)]));
  return { leaders, partitions: leaders.size, loadedAtMs: performance.now() };
}
