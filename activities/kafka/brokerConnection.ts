import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import Broker, { type RequestDefinition } from 'kafkajs/src/broker/index.js';
import { createLogger } from 'kafkajs/src/loggers/index.js';
import ConnectionPool, { type SocketFactory } from 'kafkajs/src/network/connectionPool.js';
import {
  type MetadataAnswer,
  type MetadataOptions,
  type ProduceAnswer,
  requests,
} from 'kafkajs/src/protocol/requests/index.js';
import { allowedOnly } from './allowedAddress.ts';
import { AlertsAsked, certificateAlert, certificateRefused, checkClientCertificate } from './clientCertificate.ts';
import { withOpenedKey } from './clientKey.ts';
import { askBeforeWriting, calmQueue, guardFrames, renewInTime } from './connectionGuard.ts';
import type { ConnectionSettings } from './connectionSettings.ts';
import { failureIn, NamedError, NotSent, notSentInTime } from './failureNames.ts';
import { metadataKey } from './metadataWithRights.ts';
import { type ProduceOptions, produceKey, produceRequest } from './produceRequest.ts';
import { resetSocket } from './resetSocket.ts';
import { withinMs } from './withinMs.ts';

const connectTimeoutMs = 5_000;
const authenticationTimeoutMs = 5_000;
const renewTimeoutMs = 6_000;
const keepAliveMs = 30_000;
/** A broker that has broken off a connection is given so long to say why, in ms. */
const alertTimeoutMs = 3_000;

/** kafkajs logs what it throws: what happened is in the attempt, and said once. */
const silent = createLogger({ level: 0, logCreator: () => () => undefined });

const alertsAsked = new AlertsAsked();

/** The connection to one broker of a customer. */
export class BrokerConnection {
  readonly address: string;
  private readonly pool: ConnectionPool;
  private readonly broker: Broker;
  private readonly sockets = new Set<Socket>();
  private isClosed = false;
  /** Whether it was we who closed it: then nobody need be asked why. */
  private isGivenUp = false;
  /** Why no socket could be made; kafkajs keeps its text alone. */
  private noSocket: unknown;
  /** Whether our side of a TLS handshake was over. */
  private isSecured = false;
  private isLetIn = false;
  /** Whether the request under way is still wanted; undefined where none is under way. */
  private isWanted: (() => boolean) | undefined;
  private isTooLate = false;
  /** The request that is under way, and those that wait for it. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly host: string,
    private readonly port: number,
    private readonly settings: ConnectionSettings,
    requestTimeoutMs: number,
  ) {
    this.address = isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
    this.pool = new ConnectionPool({
      host,
      port,
      ...settings,
      logger: silent,
      socketFactory: this.socketFactory,
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
    });
    for (const connection of this.pool.pool) {
      guardFrames(connection, (error) => this.close(error));
      calmQueue(connection);
      renewInTime(connection);
      askBeforeWriting(
        connection,
        () => this.isWanted?.() ?? true,
        () => this.refuseLate(),
      );
    }
    this.broker = new Broker({
      connectionPool: this.pool,
      logger: silent,
      authenticationTimeout: authenticationTimeoutMs,
      allowAutoTopicCreation: false,
    });
  }

  /** Whether requests may go out on it: it was not closed, neither by us nor by the other side. */
  get isUsable(): boolean {
    return !this.isClosed && (!this.isLetIn || this.pool.isConnected());
  }

  /** Connects and authenticates where that is not done yet. Rejects as kafkajs does; it is then closed. */
  async connect(): Promise<void> {
    if (this.isLetIn) return;
    try {
      await this.broker.connect();
      this.isLetIn = true;
    } catch (error) {
      this.endSockets();
      throw this.noSocket ?? (await this.certificateRefusal(error)) ?? beforeLetIn(error, this.address);
    }
  }

  /** That the broker does not take our certificate, where that is what is behind the error. */
  private async certificateRefusal(error: unknown): Promise<NamedError | undefined> {
    const { ssl } = this.settings;
    if (!ssl) return undefined;
    const isBrokenOff = this.isSecured && !this.isGivenUp && brokenOff.includes(failureIn(error).name);
    const open = (): TLSSocket => {
      const socket = tlsTo(this.whereTo(this.host, this.port), ssl);
      this.sockets.add(socket); // `close` ends it, too.
      return socket.once('close', () => this.sockets.delete(socket));
    };
    const asked = () => alertsAsked.of({ address: this.address, ssl }, open, alertTimeoutMs);
    const alert = certificateAlert(error) ?? (isBrokenOff ? await asked() : undefined);
    return alert === undefined ? undefined : certificateRefused(alert, this.address, ssl.cert !== undefined);
  }

  /**
   * The answer to one request, with the error codes that are in it. Rejects where there is none: then the connection is
   * closed, for a request without an answer may still be on its way.
   *
   * One request at a time: a broker works on one per connection, and what would lie in its socket meanwhile could not be taken
   * back. `isWanted` is asked right before the request is written; where it says no, that rejects with NOT_SENT_IN_TIME. Where nothing
   * was written for another reason, it rejects with {@link closedBefore} or a {@link NotSent}.
   */
  async request<Options, Answer>(
    apiKey: number,
    definition: RequestDefinition<Options, Answer>,
    options: Options,
    isWanted: () => boolean = () => true,
  ): Promise<Answer> {
    const turn = this.queue.then(async () => {
      if (this.isClosed) throw closedBefore;
      if (!isWanted()) throw notSentInTime;
      await this.renewSession();
      if (!isWanted()) throw notSentInTime;
      return await this.exchange(apiKey, definition, options, isWanted);
    });
    this.queue = turn.catch(() => undefined);
    return await turn;
  }

  /** As {@link request}. */
  produce(options: ProduceOptions, isWanted: () => boolean): Promise<ProduceAnswer> {
    return this.request(produceKey, produceRequest, options, isWanted);
  }

  /** As {@link request}. */
  metadata(options: MetadataOptions): Promise<MetadataAnswer> {
    return this.request(metadataKey, requests.Metadata, options);
  }

  /** Shows the broker who we are again, where our session is about to end. Between two requests: so neither is lost. */
  private async renewSession(): Promise<void> {
    if (!this.pool.isConnected()) {
      this.close();
      throw closedBefore;
    }
    if (this.broker.isConnected()) return;
    const late = (): NamedError =>
      new NamedError({ name: 'CONNECT_TIMEOUT', message: `${this.address} did not renew our session in time.` });
    try {
      await withinMs(renewTimeoutMs, this.broker.connect(), late);
    } catch (error) {
      this.close();
      throw new NotSent('The session could not be renewed.', { cause: beforeLetIn(error, this.address) });
    }
  }

  private async exchange<Options, Answer>(
    apiKey: number,
    definition: RequestDefinition<Options, Answer>,
    options: Options,
    isWanted: () => boolean,
  ): Promise<Answer> {
    this.isWanted = isWanted;
    try {
      const { request, response } = this.broker.lookupRequest(apiKey, definition)(options);
      const parse = async (answer: Answer): Promise<Answer> => answer;
      return await this.pool.send({ request, response: { decode: response.decode, parse } });
    } catch (error) {
      this.close();
      throw this.isTooLate ? notSentInTime : error;
    } finally {
      this.isWanted = undefined;
    }
  }

  /** The connection is closed with it: kafkajs counts the request as under way. */
  private refuseLate(): void {
    this.isTooLate = true;
    this.close(notSentInTime);
  }

  /** Ends its sockets at once: what is not on the network yet never will be. */
  close(reason?: Error): void {
    this.isGivenUp = true;
    this.endSockets(reason);
  }

  private endSockets(reason = new Error('The connection was closed by Causeway.')): void {
    this.isClosed = true;
    // With an error: kafkajs does not hear of a socket that ends without a word.
    for (const socket of this.sockets) {
      if (this.isWanted) resetSocket(socket, reason);
      else socket.destroy(reason);
    }
    this.sockets.clear();
  }

  private readonly socketFactory: SocketFactory = ({ host, port, ssl, onConnect }) => {
    // kafkajs connects anew by itself what was closed.
    if (this.isClosed) throw closedBefore;
    const socket = this.newSocket(host, port, ssl, onConnect);
    socket.setKeepAlive(true, keepAliveMs);
    socket.setNoDelay(true);
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.isClosed = true;
    });
    return socket;
  };

  private whereTo(host: string, port: number): WhereTo {
    return { host, port, ...allowedOnly(host, this.settings.allowPrivate) };
  }

  private newSocket(host: string, port: number, ssl: ConnectionSettings['ssl'], onConnect: () => void): Socket {
    try {
      const to = this.whereTo(host, port);
      if (!ssl) return connectTcp(to, onConnect);
      if (typeof ssl.cert === 'string') checkClientCertificate(ssl.cert);
      return tlsTo(to, ssl).once('secureConnect', () => {
        this.isSecured = true;
        onConnect();
      });
    } catch (error) {
      this.noSocket = error;
      throw error;
    }
  }
}

/** How a connection ends that the other side, or its system, breaks off. */
const brokenOff: readonly string[] = ['ECONNRESET', 'EPIPE', 'EPROTO', 'TLS_HANDSHAKE_REFUSED', 'CONNECTION_CLOSED'];

type WhereTo = { host: string; port: number; lookup?: LookupFunction };

const tlsTo = (to: WhereTo, ssl: ConnectionOptions): TLSSocket =>
  connectTls({ ...to, ...(isIP(to.host) === 0 && { servername: to.host }), ...withOpenedKey(ssl) });

/** A request without an answer on the way in is no produce request without an answer. */
function beforeLetIn(error: unknown, address: string): unknown {
  if (failureIn(error).name !== 'NO_ANSWER_IN_TIME') return error;
  return new NamedError({ name: 'CONNECT_TIMEOUT', message: `${address} did not let us in in time.` });
}

/** Nothing of the request was written. */
export const closedBefore = new NamedError({
  name: 'CONNECTION_CLOSED',
  message: 'The connection was closed before the request was sent.',
});

/** Whether a request that failed so was not written. */
export const wasNotSent = (error: unknown): boolean =>
  error === closedBefore || error === notSentInTime || error instanceof NotSent;
