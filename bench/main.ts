/** `npm run bench`: the load, and the raw limits that it is held against. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { MissingTools } from '../dev/servers/install.ts';
import { say } from '../dev/servers/progress.ts';
import {
  type BenchArguments,
  type PartName,
  partNames,
  readArguments,
  rowList,
  usage,
  WrongArgument,
} from './arguments.ts';
import { startChild, stopChildren } from './child/child.ts';
import type { SenderMethods } from './load/sender.ts';
import { backlog } from './parts/backlog.ts';
import { bareSignals } from './parts/bareSignals.ts';
import { type Context, fullDurations, quickDurations } from './parts/context.ts';
import { directRoad } from './parts/directRoad.ts';
import { kafkaAlone } from './parts/kafkaAlone.ts';
import { latency } from './parts/latency.ts';
import { overload } from './parts/overload.ts';
import { wholeRoad } from './parts/wholeRoad.ts';
import type { ReaderMethods } from './read/reader.ts';
import { markdownOf } from './report/markdown.ts';
import { ratioToDirect, ratioToSignals } from './report/ratios.ts';
import type { Parts, Results } from './report/results.ts';
import { describeMachine, type Run } from './report/run.ts';
import { targetsOf } from './report/targets.ts';
import { rows } from './rows/index.ts';
import { writePlot } from './rows/plot.ts';
import { rowMarkdown } from './rows/rowReport.ts';
import { lastStored, type RowResult, store } from './rows/stored.ts';
import type { BenchStack } from './stack/benchStack.ts';
import { ownStack } from './stack/ownStack.ts';
import { runningStack } from './stack/runningStack.ts';

/** What must be stopped however the bench ends. */
const toStop: (() => Promise<void>)[] = [];

async function stopAll(): Promise<void> {
  await stopChildren();
  for (const stop of toStop.splice(0).reverse()) await stop();
}

async function stackFor({ own, profile, parts, rows }: BenchArguments): Promise<BenchStack> {
  const running = own || profile !== undefined ? undefined : await runningStack();
  if (running) {
    say(`Using the running stack at ${running.api}.`);
    return running;
  }
  const programs = rows.length > 0 || (['d', 'e', 'f', 'backlog'] as const).some((part) => parts.has(part));
  return await ownStack({ programs, profile: profile && resolve(profile) }, (stop) => toStop.push(stop));
}

async function runParts(context: Context, wanted: ReadonlySet<PartName>): Promise<Parts> {
  const parts: Parts = {};
  const isOn = (part: PartName): boolean => {
    if (wanted.has(part)) say(`(${part}) ${partNames[part]}`);
    return wanted.has(part);
  };
  if (isOn('a')) parts.a = await kafkaAlone(context);
  if (isOn('b')) parts.b = await bareSignals(context);
  if (isOn('c')) parts.c = await directRoad(context);
  if (isOn('d')) parts.d = await wholeRoad(context);
  if (isOn('e')) parts.e = await latency(context);
  if (isOn('f')) parts.f = await overload(context, parts.d ?? []);
  if (isOn('backlog')) parts.backlog = await backlog(context);
  return parts;
}

/** Each row, with its table, its figures as JSON and its plot. */
async function runRows(context: Context, given: BenchArguments, run: Run): Promise<void> {
  const results: RowResult[] = [];
  for (const { name, what, run: measure } of rows.filter((row) => given.rows.includes(row.name))) {
    say(`(${name}) ${what}`);
    const startedAt = new Date().toISOString();
    const measured = await measure(context, { minutes: given.minutes });
    const result: RowResult = { row: name, run: { ...run, startedAt }, ...measured };
    const last = await lastStored(name);
    const json = JSON.stringify({ row: name, figures: measured.figures }, null, 2);
    console.log(`${rowMarkdown(what, result, last)}\n\n\`\`\`json\n${json}\n\`\`\`\n`);
    say(`The plot is in ${await writePlot(result, last)}.`);
    if (given.store) say(`Kept as bench/results/${await store(result)}.`);
    results.push(result);
  }
  if (given.out !== undefined) await writeOut(given.out, JSON.stringify(results, null, 2));
}

async function writeOut(file: string, json: string): Promise<void> {
  await mkdir(dirname(resolve(file)), { recursive: true });
  await writeFile(file, `${json}\n`);
  say(`The figures are in ${file}.`);
}

async function bench(given: BenchArguments): Promise<void> {
  const machine = await describeMachine();
  const stack = await stackFor(given);
  const context: Context = {
    stack,
    sender: startChild<SenderMethods>('load/sender.ts'),
    reader: startChild<ReaderMethods>('read/reader.ts'),
    profile: given.profile && resolve(given.profile),
    isCalm: given.calm,
    durations: given.quick ? quickDurations : fullDurations,
    wants: (name) =>
      given.loads.length === 0 || given.loads.some((piece) => name.includes(piece) || piece.includes(name)),
  };
  const run: Run = { ...machine, isQuick: given.quick, isCalm: given.calm, stack: stack.kind };
  if (given.rows.length > 0) return await runRows(context, given, run);
  const parts = await runParts(context, given.parts);
  const results: Results = { run, parts, targets: targetsOf(parts) };
  const json = JSON.stringify(withRatios(results), null, 2);
  console.log(`${markdownOf(results)}\n\n\`\`\`json\n${json}\n\`\`\``);
  if (given.out !== undefined) await writeOut(given.out, json);
}

/** The figures, each of (d) with its ratios to (b) and (c). */
function withRatios(results: Results) {
  const { parts } = results;
  const d = parts.d?.map((one) => ({
    ...one,
    toSignals: ratioToSignals(one, parts),
    toDirect: ratioToDirect(one, parts),
  }));
  return { ...results, parts: { ...parts, ...(d && { d }) } };
}

/** Resolves at the first request to stop: Ctrl-C, a signal, or the end of the process that started us. */
function stopRequested(): Promise<string> {
  return new Promise((stop) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);
    process.on('disconnect', () => stop('the end of its parent'));
  });
}

async function main(): Promise<number> {
  const given = readArguments(process.argv.slice(2));
  if (given === 'help' || given === 'rows') {
    console.log(given === 'help' ? usage : rowList);
    return 0;
  }
  const stopped = stopRequested();
  try {
    const reason = await Promise.race([bench(given).then(() => undefined), stopped]);
    if (reason === undefined) return 0;
    say(`\nStopping (${reason}) …`);
    return 130;
  } finally {
    await stopAll();
  }
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    const isPlain = error instanceof WrongArgument || error instanceof MissingTools || !(error instanceof Error);
    say(isPlain ? String(error instanceof Error ? error.message : error) : `The bench failed: ${error.stack}`);
    process.exit(1);
  },
);
