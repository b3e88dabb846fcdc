import { isUnreachable } from '../../domain/failures.ts';
import { kafkaErrorName } from '../../domain/kafkaErrors.ts';
import { plainText } from '../../domain/plainText.ts';
import { tlsOffered } from './verifiedTls.ts';

/** A failure by its name in the failure table (domain/failures.ts). Never holds a secret. */
export type NamedFailure = {
  name: string;
  /** Kafka's error code, where it is one of Kafka's. */
  code?: number | undefined;
  message: string;
};

/** Something failed whose name is known. */
export class NamedError extends Error {
  override readonly name = 'NamedError';
  constructor(readonly failure: NamedFailure) {
    super(failure.message);
  }
}

/** The try's time was over first: nothing was written. */
export const notSentInTime = new NamedError({
  name: 'NOT_SENT_IN_TIME',
  message: "The attempt's time was over before it could be sent.",
});

/** Whatever went wrong, its cause: the request of the try was not written yet. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
}

const messageCharsMax = 300;
const causesMax = 8;

type KafkaJsError = Error & { type?: unknown; code?: unknown; cause?: unknown };

/** kafkajs wraps errors in errors, and only the innermost says what happened. */
export function innermost(error: unknown): unknown {
  let at = error;
  for (let depth = 0; depth < causesMax; depth++) {
    if (!(at instanceof Error) || !(at.cause instanceof Error) || at instanceof NamedError) return at;
    at = at.cause;
  }
  return at;
}

/** kafkajs's classes that stand for one error. By the name, for kafkajs does not export all of them. */
const nameOfClass: Record<string, string> = {
  KafkaJSConnectionClosedError: 'CONNECTION_CLOSED',
  KafkaJSRequestTimeoutError: 'NO_ANSWER_IN_TIME',
  KafkaJSLockTimeout: 'CONNECT_TIMEOUT',
  KafkaJSSASLAuthenticationError: 'SASL_AUTHENTICATION_FAILED',
  KafkaJSServerDoesNotSupportApiKey: 'UNSUPPORTED_VERSION',
};

/** What kafkajs says of a broker that refuses each of its ways to ask for versions. */
const noVersions = 'API Versions not supported';
const unsupportedVersion = 35;

/** Node.js's code for each of OpenSSL's reasons not to trust a certificate that it has no name for: then the message alone tells. */
export const unnamedDistrust = 'UNSPECIFIED';

/** OpenSSL says these of a certificate or chain that we would show, before we connect; of the other side's it is {@link unnamedDistrust}. */
const ofOwnCertificate: readonly string[] = [
  'ERR_SSL_EE_KEY_TOO_SMALL',
  'ERR_SSL_CA_KEY_TOO_SMALL',
  'ERR_SSL_CA_MD_TOO_WEAK',
];

/** Node.js puts OpenSSL's own reasons into codes: ERR_SSL_… in a handshake, ERR_OSSL_… for a key or certificate of ours. */
function ofNodeCode(code: string, message: string): NamedFailure {
  const refusal = handshakeRefusal(message);
  if (refusal !== undefined) return { name: 'TLS_HANDSHAKE_REFUSED', message: `Of the broker's listener: ${refusal}` };
  if (code === unnamedDistrust) return { name: 'CERTIFICATE_UNTRUSTED', message };
  if (code.startsWith('ERR_OSSL_') || ofOwnCertificate.includes(code))
    return { name: 'CLIENT_CERTIFICATE_UNUSABLE', message };
  return { name: code.startsWith('ERR_SSL_') ? 'EPROTO' : code, message };
}

/** TLS alerts (RFC 8446, section 6.2) that say that nothing we offer is taken. OpenSSL's text names them; Node's code is at times EPROTO. */
const refusals: Readonly<Record<string, string>> = { 40: 'handshake failure', 71: 'insufficient security' };

/** What to say of an alert that refuses all that we offer in a handshake; undefined where the message tells of something else. */
export function handshakeRefusal(message: string): string | undefined {
  const alert = refusals[/SSL alert number (\d+)/.exec(message)?.[1] ?? ''];
  return alert && `it takes nothing of what we offer (its TLS alert: ${alert}). That is ${tlsOffered}.`;
}

/** Finds the name of an error of kafkajs, Node.js or OpenSSL. */
export function failureIn(error: unknown): NamedFailure {
  const inner = innermost(error);
  if (inner instanceof NamedError) return { ...inner.failure, message: plainText(inner.failure.message) };
  if (!(inner instanceof Error)) return { name: 'UNFORESEEN', message: plainText(String(inner), messageCharsMax) };
  const { type, code }: KafkaJsError = inner;
  const message = plainText(inner.message, messageCharsMax);
  // By the code: kafkajs calls some by names that Kafka gave up long ago.
  if (typeof type === 'string' && typeof code === 'number') return { name: kafkaErrorName(code), code, message };
  if (typeof type === 'string') return { name: type, message };
  if (inner.name === 'KafkaJSConnectionError' && typeof code !== 'string')
    return { name: connectionName(message), message };
  if (typeof code === 'string') return ofNodeCode(code, message);
  if (message === noVersions) return { name: kafkaErrorName(unsupportedVersion), code: unsupportedVersion, message };
  return { name: nameOfClass[inner.name] ?? inner.name, message };
}

/** A connection error without a code of Node's is one of kafkajs's own, which differ by their text alone. */
const connectionName = (message: string): string =>
  message.startsWith('Connection timeout') ? 'CONNECT_TIMEOUT' : 'CONNECTION_CLOSED';

/** Of what several brokers of one destination did, one after the other, that which tells most: an answer, or the last. */
export const mostTelling = (errors: readonly unknown[]): unknown =>
  errors.find((error) => !isUnreachable(failureIn(error).name)) ?? errors.at(-1);

export const namesNoBroker = (): NamedError =>
  new NamedError({ name: 'CONNECTION_CLOSED', message: 'The destination names no broker.' });
