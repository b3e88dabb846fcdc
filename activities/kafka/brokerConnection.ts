import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import Broker, { type RequestDefinition } from 'kafkajs/src/broker/index.js';
import { createLogger } from 'kafkajs/src/loggers/index.js';
import ConnectionPool, { type SocketFactory } from 'kafkajs/src/network/connectionPool.js';
import type { ConnectionSettings } from './connectionSettings.ts';

const connectTimeoutMs = 5_000;
const authenticationTimeoutMs = 5_000;
const keepAliveMs = 30_000;

/** kafkajs logs what it throws: what happened is in the attempt, and said once. */
const silent = createLogger({ level: 0, logCreator: () => () => undefined });

/** The connection to one broker of a customer. */
export class BrokerConnection {
  readonly address: string;
  private readonly pool: ConnectionPool;
  private readonly broker: Broker;
  private readonly sockets = new Set<Socket>();
  private isClosed = false;

  constructor(host: string, port: number, settings: ConnectionSettings, requestTimeoutMs: number) {
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
    this.broker = new Broker({
      connectionPool: this.pool,
      logger: silent,
      authenticationTimeout: authenticationTimeoutMs,
      allowAutoTopicCreation: false,
    });
  }

  /** Whether requests may go out on it: it was not closed, neither by us nor by the other side. */
  get isUsable(): boolean {
    return !this.isClosed;
  }

  /** Connects and authenticates where that is not done yet. Rejects as kafkajs does; it is then closed. */
  async connect(): Promise<void> {
    if (this.broker.isConnected()) return;
    try {
      await this.broker.connect();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * The answer to one request, with the error codes that are in it. Rejects where there is none: then the connection is
   * closed, for a request without an answer may still be on its way.
   */
  async request<Options, Answer>(
    apiKey: number,
    definition: RequestDefinition<Options, Answer>,
    options: Options,
  ): Promise<Answer> {
    try {
      const { request, response } = this.broker.lookupRequest(apiKey, definition)(options);
      const parse = async (answer: Answer): Promise<Answer> => answer;
      return await this.pool.send({ request, response: { decode: response.decode, parse } });
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Ends its sockets at once: what was not written to the network yet never will be. */
  close(): void {
    this.isClosed = true;
    // With an error: kafkajs does not hear of a socket that ends without a word.
    for (const socket of this.sockets) socket.destroy(new Error('The connection was closed by Causeway.'));
    this.sockets.clear();
  }

  private readonly socketFactory: SocketFactory = ({ host, port, ssl, onConnect }) => {
    const socket = ssl
      ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    socket.setKeepAlive(true, keepAliveMs);
    socket.setNoDelay(true);
    this.sockets.add(socket);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.isClosed = true;
    });
    return socket;
  };
}
