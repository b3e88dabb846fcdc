import { answering, type HostileServer } from './hostileServers.ts';

const lengthBytes = 4;
/** The three that it knows, each in one version of the protocol (https://kafka.apache.org/protocol). */
const apiKeys = { saslHandshake: 17, apiVersions: 18, saslAuthenticate: 36 } as const;
const refusedLogin = 58;

const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff]);
const int32 = (value: number): Buffer => Buffer.concat([int16(value >>> 16), int16(value & 0xffff)]);
const text = (value: Buffer | string): Buffer => Buffer.concat([int16(value.length), Buffer.from(value)]);

/** A broker that refuses each login by SASL/PLAIN and says in its refusal, word for word, what it was sent. */
export const echoingBroker = (): Promise<HostileServer> =>
  answering((socket, request) => socket.write(answerTo(request)));

function answerTo(request: Buffer): Buffer {
  const correlationId = request.subarray(8, 12);
  const answer = Buffer.concat([correlationId, bodyFor(request.readInt16BE(lengthBytes), request)]);
  return Buffer.concat([int32(answer.length), answer]);
}

function bodyFor(apiKey: number, request: Buffer): Buffer {
  const noError = int16(0);
  const { saslHandshake, apiVersions, saslAuthenticate } = apiKeys;
  if (apiKey === apiVersions) {
    const known = [int16(saslHandshake), int16(1), int16(1), int16(saslAuthenticate), int16(0), int16(0)];
    return Buffer.concat([noError, int32(2), ...known, int32(0)]);
  }
  if (apiKey === saslHandshake) return Buffer.concat([noError, int32(1), text('PLAIN')]);
  const sent = request.subarray(request.lastIndexOf('\0causeway-user'));
  return Buffer.concat([int16(refusedLogin), text(Buffer.concat([Buffer.from('refused: '), sent])), int32(0)]);
}
