/**
 * `node --import tsx bench/clients/main.ts [seconds] [turns]`: kafkajs against `@platformatic/kafka` on the same work: the same broker,
 * records and acks (`all`), and what of it each claims held against what is in the topic. The clients take turns, so
 * that what others do on the machine meets all of them.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureTopic, kafkaClient, startKafka } from '../../dev/servers/kafka.ts';
import { say } from '../../dev/servers/progress.ts';
import { startChild, stopChildren } from '../child/child.ts';
import { countsIn, runToEnd } from '../program.ts';
import { type ClientMethods, type ClientName, clientNames, type Written } from './clients.ts';
import { installOther } from './install.ts';

type Case = { title: string; lanes: number; recordsEach: number; lingerMs: number };

const cases: readonly Case[] = [
  { title: '1 record a request, one after the other', lanes: 1, recordsEach: 1, lingerMs: 0 },
  { title: '50 records a request, one after the other', lanes: 1, recordsEach: 50, lingerMs: 0 },
  { title: '500 records a request, one after the other', lanes: 1, recordsEach: 500, lingerMs: 0 },
  { title: '1,400 records a request, one after the other', lanes: 1, recordsEach: 1_400, lingerMs: 0 },
  { title: '64 lanes of 1 record, linger 5 ms', lanes: 64, recordsEach: 1, lingerMs: 5 },
  { title: '8 lanes of 200 records, linger 5 ms', lanes: 8, recordsEach: 200, lingerMs: 5 },
];
const partitions = 3;
const warmUpSeconds = 1;

type Result = { title: string; client: ClientName; turns: Written[]; missing: number };

const names = Object.keys(clientNames).filter((name): name is ClientName => Object.hasOwn(clientNames, name));
const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const perSecond = ({ claimed, seconds }: Written): number => claimed / seconds;
const cpuUs = ({ claimed, cpuSeconds }: Written): number => (1e6 * cpuSeconds) / claimed;

async function recordsIn(brokers: string[], topic: string): Promise<number> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  } finally {
    await admin.disconnect();
  }
}

async function measured(brokers: string[], one: Case, seconds: number, turns: number): Promise<Result[]> {
  const results = names.map((client): Result => ({ title: one.title, client, turns: [], missing: 0 }));
  for (let turn = 0; turn < turns; turn++) {
    for (const result of results) {
      const topic = `clients-${Date.now()}-${result.client}`;
      await ensureTopic(brokers, topic, partitions);
      const child = startChild<ClientMethods>('clients/producing.ts');
      const { client } = result;
      const { lanes, recordsEach, lingerMs } = one;
      const job = { client, brokers, topic, partitions, lanes, recordsEach, lingerMs };
      const before = await child.call('write', { ...job, seconds: warmUpSeconds });
      const written = await child.call('write', { ...job, seconds });
      await child.stop();
      result.turns.push(written);
      result.missing += Math.max(0, before.claimed + written.claimed - (await recordsIn(brokers, topic)));
      if (written.firstError !== undefined)
        say(`  ${client}: ${written.refused} refused, first: ${written.firstError}`);
    }
  }
  return results;
}

function table(results: readonly Result[]): string {
  const [base] = results;
  const ratios = (result: Result): number[] =>
    result.turns.map((written, n) => perSecond(written) / perSecond(base?.turns[n] ?? written));
  const rows = results.map((result) =>
    [
      clientNames[result.client],
      Math.round(median(result.turns.map(perSecond))).toLocaleString('en-US'),
      median(ratios(result)).toFixed(2),
      median(result.turns.map(cpuUs)).toFixed(1),
      result.missing,
    ].join(' | '),
  );
  const head = `**${base?.title}**\n\n| client | records/s | to the first, in its turn | CPU µs a record | claimed, not there |\n| --- | --- | --- | --- | --- |`;
  return [head, ...rows.map((row) => `| ${row} |`)].join('\n');
}

async function main(): Promise<number> {
  const counts = countsIn(process.argv.slice(2), 2);
  if (!counts) {
    console.error('Usage: node --import tsx bench/clients/main.ts [seconds each] [turns]');
    return 1;
  }
  const [seconds = 5, turns = 3] = counts;
  await installOther();
  const dir = await mkdtemp(join(tmpdir(), 'causeway-clients-'));
  const kafka = await startKafka({ dataDir: join(dir, 'kafka'), logDir: dir });
  try {
    for (const one of cases) console.log(`\n${table(await measured(kafka.brokers, one, seconds, turns))}`);
    return 0;
  } finally {
    await stopChildren();
    await kafka.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

runToEnd(main);
