/** Brokers that speak as much of the protocol (https://kafka.apache.org/protocol) as it takes to be let down by them. */

import { answering, type HostileServer } from './hostileServers.ts';
import { apiKeys } from './kfake.ts';

const int16 = (value: number): Buffer => Buffer.from([(value >> 8) & 0xff, value & 0xff]);
const int32 = (value: number): Buffer => Buffer.concat([int16(value >> 16), int16(value)]);
const text = (value: Buffer | string): Buffer => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)]);
const noText = int16(-1);
const list = (...items: Buffer[]): Buffer => Buffer.concat([int32(items.length), ...items]);
const noError = int16(0);

/** What it knows beside ApiVersions: the one version of each, and the body of its answer. */
type Script = readonly { api: keyof typeof apiKeys; version: number; answer: (request: Buffer) => Buffer }[];

function scripted(script: Script, at?: string): Promise<HostileServer> {
  const known = script.map(({ api, version }) => [int16(apiKeys[api]), int16(version), int16(version)]);
  const versions = Buffer.concat([noError, list(...known.map((one) => Buffer.concat(one))), int32(0)]);
  return answering((socket, request) => {
    // A length, the key, the version, and the number that the answer has to repeat.
    const found = script.find(({ api }) => apiKeys[api] === request.readInt16BE(4));
    const answer = Buffer.concat([request.subarray(8, 12), found?.answer(request) ?? versions]);
    socket.write(Buffer.concat([int32(answer.length), answer]));
  }, at);
}

const refusedLogin = 58;

/** Refuses each login by SASL/PLAIN as this user, and says in its refusal, word for word, what it was sent. */
export const echoingBroker = (username: string): Promise<HostileServer> =>
  scripted([
    { api: 'SaslHandshake', version: 1, answer: () => Buffer.concat([noError, list(text('PLAIN'))]) },
    {
      ...{ api: 'SaslAuthenticate', version: 0 },
      answer: (request) => {
        const sent = request.subarray(request.lastIndexOf(`\0${username}`));
        return Buffer.concat([int16(refusedLogin), text(Buffer.concat([Buffer.from('refused: '), sent])), int32(0)]);
      },
    },
  ]);

/** Wants so many iterations of the hash of whoever logs in by SCRAM-SHA-512. */
export const scramBroker = (iterations: number): Promise<HostileServer> =>
  scripted([
    { api: 'SaslHandshake', version: 1, answer: () => Buffer.concat([noError, list(text('SCRAM-SHA-512'))]) },
    {
      ...{ api: 'SaslAuthenticate', version: 0 },
      answer: (request) => {
        const nonce = /,r=([^,]+)$/.exec(request.toString('latin1'))?.[1];
        const first = Buffer.from(`r=${nonce}more,s=${Buffer.from('salt').toString('base64')},i=${iterations}`);
        return Buffer.concat([noError, noText, int32(first.length), first]);
      },
    },
  ]);

/** Says of any topic that its one partition is led by a broker at this address; listens at `at`, of this machine's. */
export const brokerLedBy = (host: string, port: number, topic: string, at?: string): Promise<HostileServer> => {
  const leader = 1;
  const broker = Buffer.concat([int32(leader), text(host), int32(port), noText]);
  const partition = Buffer.concat([noError, int32(0), int32(leader), int32(0), list(), list(), list()]);
  const found = Buffer.concat([noError, text(topic), Buffer.from([0]), list(partition), int32(-2_147_483_648)]);
  const metadata = Buffer.concat([int32(0), list(broker), noText, int32(leader), list(found), int32(0)]);
  return scripted([{ api: 'Metadata', version: 8, answer: () => metadata }], at);
};
