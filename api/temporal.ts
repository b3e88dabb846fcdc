import {
  Client,
  Connection,
  type ConnectionOptions,
  defaultGrpcRetryOptions,
  makeGrpcRetryInterceptor,
} from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { ApiConfig } from '../domain/config.ts';
import { dataConverter as withoutKeys } from '../domain/dataConverter.ts';
import { CausewayError } from '../domain/error.ts';
import { turnDeadline } from './turnDeadline.ts';

/** By gRPC's default a connection is tried again after up to two minutes: so long would events be refused for nothing. */
const reconnectSoon = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 1_000 };

/** A page of history may be larger than gRPC's default of 4 MiB. The SDK means to raise it, but names it without `grpc.`. */
const largeAnswers = { 'grpc.max_receive_message_length': 128 * 1024 * 1024 };

/**
 * A lane that is about to continue as new takes no signal for a moment, and Temporal says RESOURCE_EXHAUSTED then. By the SDK's
 * default that is tried again after one and a half to two seconds; a POST would wait so long for some milliseconds.
 */
const againSoon = makeGrpcRetryInterceptor({
  ...defaultGrpcRetryOptions({ maxAttempts: 20 }), // A call's deadline comes first.
  delayFunction: (attempt) => Math.min(firstAgainMs * 1.7 ** (attempt - 1), againMsMax) * (0.8 + Math.random() * 0.4),
});
const firstAgainMs = 50;
const againMsMax = 1_000;

/**
 * `withDeadline` keeps the deadline in an AsyncLocalStorage: from its first use on, each promise of the process costs more, in Node before 24. So it
 * is put out of use when nothing asks with one (docs/decisions/promise-hooks.md).
 */
export function endContextsWithTheirCalls(connection: Connection): void {
  const withDeadline = connection.withDeadline.bind(connection);
  let underWay = 0;
  connection.withDeadline = async (deadline, ask) => {
    underWay++;
    try {
      return await withDeadline(deadline, ask);
    } finally {
      underWay--;
      if (underWay === 0) connection.callContextStorage.disable();
    }
  };
}

/**
 * A client of the configured Temporal; `interceptors` see each try of a call. Throws `temporal_unreachable` where nothing
 * answers at the address.
 */
export async function connectTemporal(
  config: Pick<ApiConfig, 'TEMPORAL_ADDRESS' | 'TEMPORAL_NAMESPACE'>,
  interceptors: ConnectionOptions['interceptors'] = [],
  dataConverter: DataConverter = withoutKeys,
): Promise<Client> {
  try {
    const connection = await Connection.connect({
      address: config.TEMPORAL_ADDRESS,
      connectTimeout: '10 seconds',
      channelArgs: { ...reconnectSoon, ...largeAnswers },
      interceptors: [turnDeadline, againSoon, ...interceptors],
    });
    endContextsWithTheirCalls(connection);
    return new Client({ connection, namespace: config.TEMPORAL_NAMESPACE, dataConverter });
  } catch (cause) {
    const remedy = `No Temporal answers at ${config.TEMPORAL_ADDRESS}. Start it, or set TEMPORAL_ADDRESS to host:port.`;
    throw new CausewayError('temporal_unreachable', remedy, { cause });
  }
}
