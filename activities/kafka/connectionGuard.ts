import type { GuardedConnection } from 'kafkajs/src/network/connectionPool.js';

/** Larger answers to what we ask (Produce, Metadata of one topic, SASL) do not exist. */
const frameBytesMax = 16 * 1024 * 1024;
const lengthBytes = 4;
/** A frame begins with its correlation id. */
const frameBytesMin = 4;

/**
 * Makes one of kafkajs's connections safe against the other side. As it is, a frame of a wrong length throws in the socket's
 * event handler, which ends the process, and one of 2 GB is gathered in memory. Here kafkajs gets whole frames of a
 * sane length, one at a time, and `broken` is called for any other.
 */
export function guardFrames(connection: GuardedConnection, broken: (error: Error) => void): void {
  const take = connection.processData.bind(connection);
  let chunks: Buffer[] = [];
  let bytes = 0;
  let wanted = lengthBytes;
  connection.processData = (chunk) => {
    chunks.push(chunk);
    bytes += chunk.length;
    try {
      while (bytes >= wanted) {
        const data = chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
        const length = data.readInt32BE(0);
        if (length < frameBytesMin || length > frameBytesMax) throw new Error(`A frame of ${length} bytes is none.`);
        wanted = lengthBytes + length;
        const isWhole = data.length >= wanted;
        const rest = isWhole ? data.subarray(wanted) : data;
        if (isWhole) take(data.subarray(0, wanted));
        chunks = [rest];
        bytes = rest.length;
        if (!isWhole) return;
        wanted = lengthBytes;
      }
    } catch (cause) {
      chunks = [];
      bytes = 0;
      broken(new Error('The other side does not speak the Kafka protocol.', { cause }));
    }
  };
}

/** kafkajs looks every millisecond, on each connection and for ever, whether a request waits: here only while one does. */
export function calmQueue({ requestQueue }: GuardedConnection): void {
  const schedule = requestQueue.scheduleCheckPendingRequests.bind(requestQueue);
  requestQueue.scheduleCheckPendingRequests = () => {
    if (requestQueue.pending.length > 0) schedule();
  };
}

/** A session is renewed when so much of it is left, in ms; of a short one, this share. */
const renewAtLeftMs = 10_000;
const renewAtShareLeft = 0.3;

/**
 * A session that a broker gave for a time (KIP-368) is renewed before it ends. kafkajs does so ten seconds before; with a shorter
 * session that is with each request, and a broker refuses a second time within a second.
 */
export function renewInTime(connection: GuardedConnection): void {
  const renewAt = (sessionMs: number): number => Math.round(Math.min(renewAtLeftMs, sessionMs * renewAtShareLeft));
  Object.defineProperty(connection, 'reauthenticationThreshold', {
    get: () => renewAt(Number(connection.sessionLifetime.toString())),
  });
}

/**
 * Asks right before a request is written, in the same turn of the loop, whether it still may be; where not, `refuse` is called in
 * its place. kafkajs encodes a request and waits out a broker's throttling first, and a process may stand still meanwhile.
 */
export function askBeforeWriting(
  { requestQueue }: GuardedConnection,
  mayWrite: () => boolean,
  refuse: () => void,
): void {
  const push = requestQueue.push.bind(requestQueue);
  requestQueue.push = (pushed) =>
    push({ ...pushed, sendRequest: () => (mayWrite() ? pushed.sendRequest() : refuse()) });
}
