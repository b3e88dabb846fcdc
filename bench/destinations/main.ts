/**
 * `node --import tsx bench/destinations/main.ts [destinations [keys [seconds [events/s [bad [lanes of each bad one]]]]]]`: many
 * destinations on a stack of its own. What they cost in sockets and memory; and whether some whose broker takes connections and never
 * answers, or writes slowly, make the others slower: their p99 from POST to record without those, and while the lanes of those fill; and
 * while as many lanes fill of some whose broker is well.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopic } from '../../dev/servers/kafka.ts';
import { say } from '../../dev/servers/progress.ts';
import { type Child, startChild, stopChildren } from '../child/child.ts';
import { openFiles, residentMiB } from '../cpu/memory.ts';
import { outcomes } from '../load/sendLog.ts';
import { countsIn, runToEnd } from '../program.ts';
import { percentile } from '../read/percentile.ts';
import type { ReaderMethods } from '../read/reader.ts';
import { call } from '../road/destination.ts';
import { processesOf } from '../stack/benchStack.ts';
import { type OwnStack, ownStack } from '../stack/ownStack.ts';
import { slowBroker } from './slowBroker.ts';
import { type Choice, steadyPosts } from './steadyPosts.ts';

const topic = 'many';
const partitions = 12;
const madeAtOnce = 8;
const arrival = { stallMs: 60_000, timeoutMs: 600_000 };
const warmUpPerSecond = 40;
/** What the lanes of a bad one get together: each is new, and what that costs is not what is looked for. */
const badPerSecond = 10;

type Setting = { stack: OwnStack; reader: Child<ReaderMethods>; run: string };
type Made = { brokers: string[]; lanes: number | 'key'; count: number; name: string };

const customerOf = (run: string, name: string, n: number): string => `acct_${name}_${run}_${n}`;

async function make({ stack, run }: Setting, { brokers, lanes, count, name }: Made): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      await call(stack, 'POST', '/v1/destinations', {
        ...{ type: 'KAFKA', name, customerExternalId: customerOf(run, name, n), brokers, topic },
        ...{ partitionKey: 'payload.orderId', auth: { mode: 'NONE' }, ordering: { lanes } },
      });
    }
  };
  await Promise.all(Array.from({ length: madeAtOnce }, loop));
}

/** Sends, waits until all is read, and says how long that took from POST to record. */
async function phase({ stack, reader }: Setting, title: string, count: number, perSecond: number, choice: Choice) {
  const tag = randomBytes(4).toString('hex');
  await reader.call('open', { brokers: stack.kafkaBrokers, topic, tag, fromEnd: true });
  const posts = await steadyPosts(stack, tag, count, perSecond, choice);
  const { numbers, readAtMs } = await reader.call('arrivals', { outcomes: posts.outcomes, ...arrival });
  await reader.call('close', undefined);
  const latencies = readAtMs.map((atMs, i) => atMs - (posts.sentAtMs[numbers[i] ?? 0] ?? Number.NaN));
  const accepted = posts.outcomes.filter((outcome) => outcome === outcomes.accepted).length;
  const { worker, api } = await processesOf(stack);
  const row = [
    title,
    `${new Set(numbers).size} of ${accepted}`,
    ...[50, 99, 100].map((percent) => Math.round(percentile(latencies, percent))),
    Math.round(percentile(posts.waitMs, 99)),
    await openFiles(worker),
    Math.round(await residentMiB(worker)),
    Math.round(await residentMiB(api)),
  ];
  console.log(`| ${row.join(' | ')} |`);
}

/** A broker that takes connections and never says a word. */
async function silentBroker() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('close', () => sockets.delete(socket))
      .resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { address: `127.0.0.1:${port}`, close };
}

/** How long the slow one takes to write, in ms: less than we wait for its answer. */
const writesInMs = 8_000;

type OtherBroker = { address: string; close: () => void | Promise<void> };
/** One that is well is among them: what so many new lanes cost the others in any case is not the bad ones' fault. */
const otherBrokers: Readonly<Record<string, (stack: OwnStack) => Promise<OtherBroker>>> = {
  well: async ({ kafkaBrokers }) => ({ address: kafkaBrokers[0] ?? '', close: () => undefined }),
  silent: silentBroker,
  slow: async () => await slowBroker(topic, writesInMs, join(tmpdir(), `causeway-slow-broker-${process.pid}.log`)),
};

type Counts = {
  destinations: number;
  keys: number;
  seconds: number;
  perSecond: number;
  bad: number;
  badLanes: number;
};

async function measure(setting: Setting, counts: Counts): Promise<void> {
  const { stack, run } = setting;
  const { destinations, keys, seconds, perSecond, bad, badLanes } = counts;
  await ensureTopic(stack.kafkaBrokers, topic, partitions);
  await make(setting, { brokers: stack.kafkaBrokers, lanes: 1, count: destinations, name: 'well' });
  say(`${destinations} destinations are made.`);
  console.log('| | arrived | p50 ms | p99 ms | worst ms | p99 of a POST ms | worker: files | worker MiB | API MiB |');
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const well = (n: number) => customerOf(run, 'well', n % destinations);
  const each: Choice = (n) => ({ customerExternalId: well(n), key: `order-${n % keys}` });
  await phase(setting, 'an event for each', destinations, warmUpPerSecond, each);
  const spread: Choice = (n) => ({ customerExternalId: well(n * 7_919), key: `order-${n % keys}` });
  await phase(setting, 'all of them well', seconds * perSecond, perSecond, spread);
  for (const [kind, start] of Object.entries(otherBrokers)) {
    const broker = await start(stack);
    try {
      await make(setting, { brokers: [broker.address], lanes: 'key', count: bad, name: `${kind}_new` });
      const inBad: Choice = (n) => ({
        customerExternalId: customerOf(run, `${kind}_new`, n % bad),
        key: `k-${Math.floor(n / bad)}`,
      });
      const title = `${bad} more whose broker is ${kind}, ${badLanes} new lanes each`;
      await Promise.all([
        steadyPosts(stack, kind, bad * badLanes, badPerSecond, inBad),
        phase(setting, title, seconds * perSecond, perSecond, spread),
      ]);
    } finally {
      await broker.close();
    }
  }
}

async function main(): Promise<number> {
  const counts = countsIn(process.argv.slice(2), 6);
  if (!counts) {
    console.error(
      'Usage: node --import tsx bench/destinations/main.ts [destinations [keys [seconds [events/s [bad [lanes of each]]]]]]',
    );
    return 1;
  }
  const [destinations = 1_000, keys = 10, seconds = 30, perSecond = 50, bad = 1, badLanes = 350] = counts;
  let stop = async (): Promise<void> => undefined;
  try {
    const stack = await ownStack({ programs: true, profile: undefined }, (stopIt) => {
      stop = stopIt;
    });
    const reader = startChild<ReaderMethods>('read/reader.ts');
    const setting = { stack, reader, run: randomBytes(3).toString('hex') };
    await measure(setting, { destinations, keys, seconds, perSecond, bad, badLanes });
    return 0;
  } finally {
    await stopChildren();
    await stop();
  }
}

runToEnd(main);
