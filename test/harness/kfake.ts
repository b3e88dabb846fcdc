import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { kfakeBinary } from '../../dev/servers/kfake.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startServer } from '../../dev/servers/server.ts';
import { track } from './running.ts';
import { sharedServers } from './sharedServers.ts';

/** Requests by their key in the protocol (https://kafka.apache.org/protocol#protocol_api_keys). */
export const apiKeys = { Produce: 0, Metadata: 3, SaslHandshake: 17, ApiVersions: 18, SaslAuthenticate: 36 } as const;
export type Api = keyof typeof apiKeys;

/** Which of the coming requests an order is about. */
export type Coming = {
  api: Api;
  /** How many; all of them until the next reset where absent. */
  count?: number;
  topic?: string;
  partitions?: number[];
};

/** A Kafka in one process, with as many brokers as wanted, that does what a test orders. */
export type Kfake = {
  brokers: string[];
  newTopic(partitions?: number, config?: Record<string, string>): Promise<string>;
  /** They are answered with this error code, and nothing else is done but where the code says so (7 and 20). */
  fault(coming: Coming & { code: number }): Promise<void>;
  /** Their connection is closed instead of an answer, before the broker has acted, or after. */
  hangUp(when: 'before' | 'after', coming: Omit<Coming, 'partitions'>): Promise<void>;
  /** Their answer says nothing, of no topic and no partition. */
  answerNothing(coming: Omit<Coming, 'partitions'>): Promise<void>;
  /** They get no answer. */
  silence(coming: Omit<Coming, 'partitions'>): Promise<void>;
  /** They are worked on so much later. */
  delay(coming: Omit<Coming, 'partitions'> & { delayMs: number }): Promise<void>;
  leaderOf(topic: string, partition: number): Promise<number>;
  /** The partition's leader moves to this broker, counted from 0: at once, or when the next produce request has arrived. */
  moveLeader(topic: string, partition: number, node: number, when: 'now' | 'during the next produce'): Promise<void>;
  /** Takes all orders back. */
  reset(): Promise<void>;
  stop(): Promise<void>;
};

type KfakeOptions = {
  brokers?: number;
  /** Where given, clients must authenticate so, by SASL/PLAIN or SCRAM. */
  login?: { username: string; password: string };
  /** Where given, it understands requests as this version of Kafka does: `v2.2`. */
  version?: string;
};

/** Answers with an error code of their own, not one for each topic. */
const topLevel: readonly Api[] = ['SaslHandshake', 'SaslAuthenticate', 'ApiVersions'];

/** Starts one; `stop()` when done. */
export async function startKfake({ brokers = 1, login, version }: KfakeOptions = {}): Promise<Kfake> {
  const ports: number[] = [];
  for (let n = 0; n < brokers; n++) ports.push(await freePort());
  const control = `127.0.0.1:${await freePort()}`;
  const order = async (path: string, body: Record<string, unknown> = {}): Promise<unknown> => {
    const response = await fetch(`http://${control}/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`kfake refused ${path}: ${await response.text()}`);
    return await response.json();
  };
  const server = await startServer({
    name: 'kfake',
    command: await kfakeBinary(),
    args: [
      ...['-control', control, '-ports', ports.join(',')],
      ...(login ? ['-user', login.username, '-password', login.password] : []),
      ...(version === undefined ? [] : ['-kafka', version]),
    ],
    logFile: join(sharedServers().dir, 'logs', 'kfake.log'),
    ready: () => order('ready'),
  });
  const coming = ({ api, count = -1, ...rest }: Coming) => ({ key: apiKeys[api], count, ...rest });
  return {
    brokers: ports.map((port) => `127.0.0.1:${port}`),
    newTopic: async (partitionCount = 1, config = {}) => {
      const topic = `test-${randomUUID()}`;
      await order('topics', { topic, partitionCount, config });
      return topic;
    },
    fault: async ({ code, ...rest }) => {
      await order('fault', { ...coming(rest), code, topLevel: topLevel.includes(rest.api) });
    },
    hangUp: async (when, rest) => void (await order(`hang-up-${when}`, coming(rest))),
    answerNothing: async (rest) => void (await order('answer-nothing', coming(rest))),
    silence: async (rest) => void (await order('silence', coming(rest))),
    delay: async ({ delayMs, ...rest }) => void (await order('delay', { ...coming(rest), delayMs })),
    leaderOf: async (topic, partition) => Number(await order('leader', { topic, partitions: [partition] })),
    moveLeader: async (topic, partition, node, when) => {
      const move = { topic, partitions: [partition], node };
      if (when === 'now') await order('move', move);
      else
        await order('move-during', {
          ...move,
          ...coming({ api: 'Produce', count: 1, topic }),
          partitions: [partition],
        });
    },
    reset: async () => void (await order('reset')),
    stop: track('a kfake', () => server.stop()),
  };
}
