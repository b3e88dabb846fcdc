/**
 * The inner layers of kafkajs 2.2.4 that we stand on, as far as we use them. The outer producer hides what we must know: its
 * answer for several partitions is one error for all, and one partition without a leader fails the metadata of a topic.
 */
declare module 'kafkajs/src/loggers/index.js' {
  export type Logger = { namespace(name: string): Logger };
  export function createLogger(options: { level: number; logCreator: () => () => void }): Logger;
}

declare module 'kafkajs/src/network/connectionPool.js' {
  import type { Socket } from 'node:net';
  import type { ConnectionOptions } from 'node:tls';
  import type { Mechanism } from 'kafkajs';
  import type { Logger } from 'kafkajs/src/loggers/index.js';

  export type SocketFactory = (options: {
    host: string;
    port: number;
    ssl: ConnectionOptions | undefined;
    onConnect: () => void;
  }) => Socket;

  export type ConnectionPoolOptions = {
    host: string;
    port: number;
    ssl: ConnectionOptions | undefined;
    sasl: Mechanism | undefined;
    clientId: string;
    logger: Logger;
    socketFactory: SocketFactory;
    /** ms */
    connectionTimeout: number;
    /** ms */
    requestTimeout: number;
  };

  export type GuardedConnection = {
    processData: (chunk: Buffer) => void;
    /** What the broker said last, in ms; 0 where a session does not end. One of kafkajs's own long integers. */
    readonly sessionLifetime: { toString(): string };
    requestQueue: {
      pending: readonly unknown[];
      scheduleCheckPendingRequests: () => void;
      /** `sendRequest` writes it, now or once the broker's throttling lets it. */
      push: (pushed: { sendRequest: () => void }) => void;
    };
  };

  export default class ConnectionPool {
    readonly pool: readonly GuardedConnection[];
    constructor(options: ConnectionPoolOptions);
    isConnected(): boolean;
    send<Answer>(exchange: {
      request: unknown;
      response: { decode: (bytes: unknown) => Promise<Answer>; parse: (answer: Answer) => Promise<Answer> };
    }): Promise<Answer>;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  import type { Logger } from 'kafkajs/src/loggers/index.js';
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js';
  import type Encoder from 'kafkajs/src/protocol/encoder.js';

  export type Request = { apiKey: number; apiVersion: number; apiName: string; encode: () => Promise<Encoder> };
  export type Exchange<Answer> = { request: Request; response: { decode: (bytes: unknown) => Promise<Answer> } };
  /** An API of the protocol; its options and answer are those of the kafkajs request of that name. */
  export type RequestDefinition<Options, Answer> = {
    versions: readonly string[];
    protocol: (asked: { version: number }) => (options: Options) => Exchange<Answer>;
  };

  export default class Broker {
    constructor(options: {
      connectionPool: ConnectionPool;
      logger: Logger;
      authenticationTimeout: number;
      allowAutoTopicCreation: boolean;
    });
    /** False, too, where who we are must be shown again. */
    isConnected(): boolean;
    /** Connects, asks for the versions, authenticates. */
    connect(): Promise<void>;
    lookupRequest<Options, Answer>(
      apiKey: number,
      definition: RequestDefinition<Options, Answer>,
    ): (options: Options) => Exchange<Answer>;
  }
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  import type { RequestDefinition } from 'kafkajs/src/broker/index.js';

  export type RecordToSend = { key: Uint8Array; value: Uint8Array; headers: Record<string, string> };
  export type ProduceOptions = {
    acks: number;
    timeout: number;
    topicData: { topic: string; partitions: { partition: number; messages: readonly RecordToSend[] }[] }[];
  };
  export type ProduceAnswer = {
    topics: { topicName: string; partitions: { partition: number; errorCode: number; baseOffset: string }[] }[];
  };
  export type MetadataOptions = { topics: string[]; allowAutoTopicCreation: boolean };
  export type MetadataAnswer = {
    brokers: { nodeId: number; host: string; port: number }[];
    topicMetadata: {
      topic: string;
      topicErrorCode: number;
      partitionMetadata: { partitionId: number; partitionErrorCode: number; leader: number }[];
    }[];
  };
  export const requests: {
    Produce: RequestDefinition<ProduceOptions, ProduceAnswer>;
    Metadata: RequestDefinition<MetadataOptions, MetadataAnswer>;
  };
}

/** Its own errors, which its handshakes throw; test/unit/failures.test.ts holds ours against them. */
declare module 'kafkajs/src/protocol/error.js' {
  export const errorCodes: readonly { type: string; code: number }[];
  export function createErrorFromCode(code: number): Error;
}

declare module 'kafkajs/src/broker/saslAuthenticator/plain.js' {
  import type { Mechanism } from 'kafkajs';

  const provider: (login: { username: string; password: string }) => Mechanism['authenticationProvider'];
  export default provider;
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram256.js' {
  import type { Mechanism } from 'kafkajs';

  const provider: (login: { username: string; password: string }) => Mechanism['authenticationProvider'];
  export default provider;
}

declare module 'kafkajs/src/broker/saslAuthenticator/scram512.js' {
  import type { Mechanism } from 'kafkajs';

  const provider: (login: { username: string; password: string }) => Mechanism['authenticationProvider'];
  export default provider;
}
