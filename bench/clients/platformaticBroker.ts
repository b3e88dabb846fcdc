/** `@platformatic/kafka` (1.35) where kafkajs is: behind the same interface, to be measured and put to the same tests. */
import { isIP, type Socket } from 'node:net';
import { Connection, metadataV9, produceV7, type Reader, type SASLOptions, Writer } from '@platformatic/kafka';
import type { MetadataAnswer, MetadataOptions, ProduceAnswer } from 'kafkajs/src/protocol/requests/index.js';
import { closedBefore } from '../../activities/kafka/brokerConnection.ts';
import { checkClientCertificate } from '../../activities/kafka/clientCertificate.ts';
import { withOpenedKey } from '../../activities/kafka/clientKey.ts';
import { type ConnectionSettings, connectionSettingsOf } from '../../activities/kafka/connectionSettings.ts';
import { NotSent, notSentInTime } from '../../activities/kafka/failureNames.ts';
import type { ProduceOptions } from '../../activities/kafka/produceRequest.ts';
import { recordBatchOf } from '../../activities/kafka/recordBatch.ts';
import { resetSocket } from '../../activities/kafka/resetSocket.ts';
import type { BrokerClient, BrokerClients } from '../../activities/kafka/topicConnection.ts';
import { addressOf } from './pinnedAddress.ts';
import { closedByOther, named, responseIn } from './platformaticErrors.ts';
import { watchFrames } from './platformaticFrames.ts';
import { type Session, saslFor } from './platformaticSasl.ts';

const connectTimeoutMs = 5_000;
const keepAliveMs = 30_000;
const produceKey = 0;
const produceVersion = 7;
const metadataKey = 3;
const metadataVersion = 9;

/** Whose code writes the record batches: ours (activities/kafka/recordBatch.ts), or the client's own. */
export type Encoding = 'ours' | 'its own';

export const platformaticBrokers =
  (encoding: Encoding): BrokerClients =>
  (destination) => {
    const settings = connectionSettingsOf(destination);
    const sasl = saslFor(destination);
    return (host, port, timeoutMs) => new PlatformaticBroker(host, port, settings, sasl, timeoutMs, encoding);
  };

class PlatformaticBroker implements BrokerClient {
  readonly address: string;
  private connection: Connection | undefined;
  private isClosed = false;
  private isLetIn = false;
  private inFlight = false;
  private session: Session = { renewAtMs: Number.POSITIVE_INFINITY };
  /** Until then the broker wants to be left alone (KIP-219), in ms of `performance.now()`: the client does not look at it. */
  private throttledUntilMs = 0;
  private queue: Promise<unknown> = Promise.resolve();
  /** What the socket said of its end: the client tells who waits for an answer only that it was closed. */
  private ended: unknown;

  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly settings: ConnectionSettings,
    private readonly sasl: ((session: Session) => SASLOptions) | undefined,
    private readonly requestTimeoutMs: number,
    private readonly encoding: Encoding,
  ) {
    this.address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  }

  get isUsable(): boolean {
    return !this.isClosed && (!this.isLetIn || this.connection?.isConnected() === true);
  }

  async connect(): Promise<void> {
    if (this.isLetIn) return;
    const { ssl, clientId, allowPrivate } = this.settings;
    try {
      if (typeof ssl?.cert === 'string') checkClientCertificate(ssl.cert);
      // It makes its sockets itself, and has no place for a look-up of ours: so it is given the address that we looked at.
      const address = await addressOf(this.host, allowPrivate);
      if (this.isClosed) throw closedBefore;
      const connection = new Connection(clientId, {
        connectTimeout: connectTimeoutMs,
        requestTimeout: this.requestTimeoutMs,
        maxInflights: 1,
        ...(ssl && { tls: withOpenedKey(ssl), ...(isIP(this.host) === 0 && { tlsServerName: this.host }) }),
        ...(this.sasl && { sasl: this.sasl(this.session) }),
      });
      this.connection = connection;
      // Nobody listening, an 'error' would end the process.
      connection.on('error', (error) => {
        this.ended = error;
      });
      connection.on('close', () => {
        this.isClosed = true;
      });
      const connecting = connection.connect(address, this.port);
      this.prepare(connection.socket);
      await connecting;
      this.isLetIn = true;
    } catch (error) {
      this.close();
      throw named(error, 'CONNECT_TIMEOUT');
    }
  }

  produce(options: ProduceOptions, isWanted: () => boolean): Promise<ProduceAnswer> {
    const payload = () => (this.encoding === 'ours' ? ourProduce(options) : itsProduce(options));
    return this.request(produceKey, produceVersion, payload, parsedProduce, false, isWanted);
  }

  async metadata({ topics, allowAutoTopicCreation }: MetadataOptions): Promise<MetadataAnswer> {
    const payload = () => metadataV9.createRequest(topics, allowAutoTopicCreation);
    const answer = await this.request(metadataKey, metadataVersion, payload, parsedMetadata, true, () => true);
    return {
      brokers: answer.brokers.map(({ nodeId, host, port }) => ({ nodeId, host, port })),
      topicMetadata: answer.topics.map(({ name, errorCode, partitions }) => ({
        topic: name ?? '',
        topicErrorCode: errorCode,
        partitionMetadata: partitions.map((one) => ({
          partitionId: one.partitionIndex,
          partitionErrorCode: one.errorCode,
          leader: one.leaderId,
        })),
      })),
    };
  }

  close(reason = new Error('The connection was closed by Causeway.')): void {
    this.isClosed = true;
    const socket: Socket | undefined = this.connection?.socket;
    if (!socket) return;
    if (this.inFlight) resetSocket(socket, reason);
    else socket.destroy(reason);
  }

  private prepare(socket: Socket): void {
    socket.setKeepAlive(true, keepAliveMs);
    watchFrames(socket, (error) => this.close(error));
  }

  private async request<Answer>(
    key: number,
    version: number,
    payload: () => Writer,
    parse: Parser<Answer>,
    isFlexible: boolean,
    isWanted: () => boolean,
  ): Promise<Answer> {
    const turn = this.queue.then(async () => {
      if (this.isClosed) throw closedBefore;
      if (!isWanted()) throw notSentInTime;
      await this.untilReady();
      if (this.isClosed) throw closedBefore;
      return await this.exchange(key, version, payload, parse, isFlexible, isWanted);
    });
    this.queue = turn.catch(() => undefined);
    return await turn;
  }

  /** Waits out the broker's throttling, and renews a session that is about to end: between two requests, so neither is lost. */
  private async untilReady(): Promise<void> {
    const leftMs = this.throttledUntilMs - performance.now();
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    const { connection } = this;
    if (!connection || performance.now() < this.session.renewAtMs) return;
    try {
      const renewed = connection.ready();
      connection.reauthenticate();
      await renewed;
    } catch (error) {
      this.close();
      throw new NotSent('The session could not be renewed.', { cause: named(error, 'CONNECT_TIMEOUT') });
    }
  }

  private exchange<Answer>(
    key: number,
    version: number,
    payload: () => Writer,
    parse: Parser<Answer>,
    isFlexible: boolean,
    isWanted: () => boolean,
  ): Promise<Answer> {
    this.inFlight = true;
    let isLate = false;
    const written = (): Writer => {
      const writer = payload();
      isLate = !isWanted(); // What follows is written in this very turn.
      if (isLate) throw notSentInTime;
      return writer;
    };
    return new Promise<Answer>((resolve, reject) => {
      const done = (error: Error | null, answer?: Answer): void => {
        this.inFlight = false;
        if (!error && answer !== undefined) {
          resolve(answer);
          return;
        }
        this.close();
        reject(isLate ? notSentInTime : named(closedByOther(error ?? closedBefore, this.ended), 'NO_ANSWER_IN_TIME'));
      };
      if (!this.connection) return reject(closedBefore);
      const parser = (_id: number, _key: number, _version: number, reader: Reader): Answer =>
        parse(reader, (throttleMs) => {
          this.throttledUntilMs = performance.now() + throttleMs;
        });
      this.connection.send(key, version, written, parser, isFlexible, isFlexible, done);
    });
  }
}

type Parser<Answer> = (reader: Reader, throttled: (throttleMs: number) => void) => Answer;

function ourProduce({ acks, timeout, topicData }: ProduceOptions): Writer {
  const createdAtMs = Date.now();
  return Writer.create()
    .appendString(null, false)
    .appendInt16(acks)
    .appendInt32(timeout)
    .appendArray(
      topicData,
      (topicWriter, { topic, partitions }) => {
        topicWriter.appendString(topic, false).appendArray(
          partitions,
          (writer, { partition, messages }) => {
            const batch = recordBatchOf(messages, createdAtMs);
            writer.appendInt32(partition).appendInt32(batch.length).append(batch);
          },
          false,
          false,
        );
      },
      false,
      false,
    );
}

const itsProduce = ({ acks, timeout, topicData }: ProduceOptions): Writer =>
  produceV7.createRequest(
    acks,
    timeout,
    topicData.flatMap(({ topic, partitions }) =>
      partitions.flatMap(({ partition, messages }) =>
        messages.map(({ key, value, headers }) => ({
          topic,
          partition,
          key: Buffer.from(key.buffer, key.byteOffset, key.byteLength),
          value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
          headers: new Map(Object.entries(headers).map(([name, text]) => [Buffer.from(name), Buffer.from(text)])),
        })),
      ),
    ),
  );

/** Its own parser throws where one partition failed, and for a code that it has no name for without the others' answers. */
const parsedProduce: Parser<ProduceAnswer> = (reader, throttled) => {
  const topics = reader.readArray(
    () => ({
      topicName: reader.readString(false),
      partitions: reader.readArray(
        () => {
          const partition = reader.readInt32();
          const errorCode = reader.readInt16();
          const baseOffset = String(reader.readInt64());
          reader.readInt64(); // When it was appended.
          reader.readInt64(); // Where the log begins.
          return { partition, errorCode, baseOffset };
        },
        false,
        false,
      ),
    }),
    false,
    false,
  );
  throttled(reader.readInt32());
  return { topics };
};

const parsedMetadata: Parser<ReturnType<typeof metadataV9.parseResponse>> = (reader) => {
  try {
    return metadataV9.parseResponse(0, metadataKey, metadataVersion, reader);
  } catch (error) {
    const response = responseIn(error);
    if (response === undefined) throw error;
    return response;
  }
};
