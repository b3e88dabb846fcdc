import {
  AuthenticationError,
  MultipleErrors,
  type metadataV9,
  NetworkError,
  ProtocolError,
  ResponseError,
  TimeoutError,
} from '@platformatic/kafka';
import { NamedError } from '../../activities/kafka/failureNames.ts';
import { kafkaErrorName } from '../../domain/kafkaErrors.ts';

const causesMax = 8;

/** What was answered, though it holds error codes. */
export function responseIn(error: unknown): ReturnType<typeof metadataV9.parseResponse> | undefined {
  if (!(error instanceof ResponseError) || !('response' in error)) return undefined;
  // It is what the parser that threw it had read.
  return error.response as ReturnType<typeof metadataV9.parseResponse>;
}

/** An error that says only that the connection was closed, with what the socket said of it as its cause. */
export const closedByOther = (error: Error, ended: unknown): unknown =>
  error instanceof NetworkError && error.cause === undefined && ended !== undefined ? ended : error;

/** The name that the failure table has for one of its errors; what is none of its own stays. */
export function named(error: unknown, timeoutName: 'CONNECT_TIMEOUT' | 'NO_ANSWER_IN_TIME'): unknown {
  let at = error;
  for (let depth = 0; depth < causesMax && at instanceof Error && !(at instanceof NamedError); depth++) {
    if (at instanceof MultipleErrors) {
      const told = at.errors.find((one): one is ProtocolError => one instanceof ProtocolError);
      const code = told && 'apiCode' in told ? Number(told.apiCode) : undefined;
      if (code !== undefined) return new NamedError({ name: kafkaErrorName(code), code, message: told?.message ?? '' });
    }
    if (at instanceof TimeoutError) return new NamedError({ name: timeoutName, message: at.message });
    if (!(at.cause instanceof Error)) break;
    at = at.cause;
  }
  if (at instanceof AuthenticationError)
    return new NamedError({ name: 'SASL_AUTHENTICATION_FAILED', message: at.message });
  if (at instanceof NetworkError) return new NamedError({ name: 'CONNECTION_CLOSED', message: at.message });
  return at;
}
