/**
 * `node --import tsx bench/cycles/main.ts [options] variant…`: the same loads with the worker started anew with each variant, in turns, so that what
 * a busy machine, or a growing database, does to one it does to the others.
 */
import { parseArgs } from 'node:util';
import { say } from '../../dev/servers/progress.ts';
import { startChild, stopChildren } from '../child/child.ts';
import { residentMiB } from '../cpu/memory.ts';
import { batches, type Load, singles64, steady } from '../load/loads.ts';
import type { SenderMethods } from '../load/sender.ts';
import { type Context, fullDurations } from '../parts/context.ts';
import { overTheRoad, type RoadRound } from '../parts/wholeRoad.ts';
import { countsIn, runToEnd } from '../program.ts';
import { percentile } from '../read/percentile.ts';
import type { ReaderMethods } from '../read/reader.ts';
import { fourLanes, type LaneKind, type ProducerSettings } from '../road/destination.ts';
import { type OwnStack, ownStack } from '../stack/ownStack.ts';
import { type Variant, variantList, variantOf } from './variants.ts';

const usage = `Usage: node --import tsx bench/cycles/main.ts [options] variant…

  --rounds n          so many times each, 3 where not given
  --seconds n         each load, 8 where not given
  --lanes n           4 where not given
  --load name         batches, singles or steady: single POSTs at 50 a second, linger 0; batches and singles where not given
  --server name=value a setting of Temporal's server, for all of them
  --or-server n=v     each is measured on a second stack, too, whose server has this setting beside: told by a star

The variants; the path of another checkout of the code is one, too:

${variantList}`;

const options = {
  rounds: { type: 'string', default: '3' },
  seconds: { type: 'string', default: '8' },
  lanes: { type: 'string', default: '4' },
  load: { type: 'string' },
  server: { type: 'string', multiple: true },
  'or-server': { type: 'string', multiple: true },
} as const;
const warmUpS = 2;
const steadyPace = { eventsPerSecond: 50 };
const noLinger = { lingerMs: 0 };

type Job = {
  variants: Variant[];
  rounds: number;
  seconds: number;
  lanes: LaneKind;
  loads: Load[];
  servers: string[][];
};

/** What the arguments ask for; undefined where they are wrong. */
async function jobFrom(given: string[]): Promise<Job | undefined> {
  const { values, positionals } = parseArgs({ args: given, options, allowPositionals: true });
  const counts = countsIn([values.rounds, values.seconds, values.lanes], 3);
  const [rounds = 0, seconds = 0, lanes = 0] = counts ?? [];
  const variants = (await Promise.all(positionals.map(variantOf))).filter((variant) => variant !== undefined);
  const { load } = values;
  const loads =
    load === undefined ? [batches, singles64] : [batches, singles64, steady].filter(({ id }) => id.startsWith(load));
  const isRight = counts && variants.length > 0 && variants.length === positionals.length && loads.length > 0;
  if (!isRight) return undefined;
  const { server = [], 'or-server': other = [] } = values;
  const servers = other.length === 0 ? [server] : [server, [...server, ...other]];
  const kind = { ...fourLanes, lanes, title: `${lanes} lanes` };
  return { ...{ variants, rounds, seconds, loads }, lanes: kind, servers };
}

type Measured = { variant: string; load: string; round: RoadRound; workerMiB: number };

const cpuUs = ({ cpuSeconds, arrived }: RoadRound, name: string): number =>
  (1e6 * (cpuSeconds[name] ?? Number.NaN)) / arrived;
const figures: readonly (readonly [string, (measured: Measured) => number])[] = [
  ['events/s', ({ round }) => round.eventsPerSecond],
  ['Temporal µs/event', ({ round }) => cpuUs(round, 'temporal')],
  ['worker', ({ round }) => cpuUs(round, 'worker')],
  ['API', ({ round }) => cpuUs(round, 'api')],
  ['POST p50 ms', ({ round }) => round.postMs.p50],
  ['p99', ({ round }) => round.postMs.p99],
  ['to record p50 ms', ({ round }) => round.latencyMs.p50],
  ['p99', ({ round }) => round.latencyMs.p99],
  ['events a batch', ({ round }) => round.laneWork?.eventsPerBatch ?? Number.NaN],
  ['task waits p50 ms', ({ round }) => round.laneWork?.taskWaitMs.p50 ?? Number.NaN],
  ['activity waits', ({ round }) => round.laneWork?.activityWaitMs.p50 ?? Number.NaN],
  ['worker MiB', ({ workerMiB }) => workerMiB],
  ['amiss', ({ round }) => round.lost + round.duplicated + round.outOfOrder],
  ['others %', ({ round }) => 100 * round.othersShare],
];

const shown = (value: number): string => (value >= 100 || value === 0 ? value.toFixed(0) : value.toPrecision(3));
const rowOf = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
const head = (first: string): string =>
  `\n${rowOf([first, 'variant', ...figures.map(([name]) => name)])}\n|${' --- |'.repeat(figures.length + 2)}`;

const median = (values: number[]): number => percentile(Float64Array.from(values), 50);

/** The middle of each figure, with the least and the most of how many events a second it were. */
function printMiddles(all: readonly Measured[], names: readonly string[], loads: readonly Load[]): void {
  console.log(head('middle of all rounds'));
  for (const load of loads) {
    for (const name of names) {
      const of = all.filter(({ variant, load: id }) => variant === name && id === load.id);
      const speeds = of.map(({ round }) => Math.round(round.eventsPerSecond));
      const range = ` (${Math.min(...speeds)}–${Math.max(...speeds)})`;
      const cells = figures.map(([, value], n) => `${shown(median(of.map(value)))}${n === 0 ? range : ''}`);
      console.log(rowOf([load.id, name, ...cells]));
    }
  }
}

type Given = { load: Load; lanes: LaneKind; seconds: number; producer: ProducerSettings };

const measured = (context: Context, { load, lanes, seconds, producer }: Given): Promise<RoadRound> =>
  load === steady
    ? overTheRoad(context, { load, lanes }, { seconds, ...steadyPace }, { ...noLinger, ...producer })
    : overTheRoad(context, { load, lanes }, { seconds }, producer);

/** A stack to measure on; `mark` tells those of its server from the first one's. */
type Place = { stack: OwnStack; context: Context; mark: string };

async function compared(places: readonly Place[], job: Job): Promise<void> {
  const { variants, rounds, seconds, lanes, loads } = job;
  const turns = variants.flatMap((variant) => places.map((place) => ({ ...place, ...variant })));
  const all: Measured[] = [];
  console.log(head('load'));
  for (let n = 0; n < rounds; n++) {
    // There and back again: what goes up or down all the time does the same to each.
    for (const { name, mark, other, producer, stack, context } of n % 2 === 0 ? turns : turns.toReversed()) {
      const pid = await stack.more.otherWorker(other);
      for (const load of loads) await measured(context, { load, lanes, seconds: warmUpS, producer });
      for (const load of loads) {
        const round = await measured(context, { load, lanes, seconds, producer });
        const one = { variant: `${name}${mark}`, load: load.id, round, workerMiB: await residentMiB(pid) };
        all.push(one);
        console.log(rowOf([load.id, one.variant, ...figures.map(([, value]) => shown(value(one)))]));
      }
    }
  }
  const names = turns.map(({ name, mark }) => `${name}${mark}`);
  printMiddles(all, names, loads);
}

async function placeFor(settings: string[], mark: string, keep: (stop: () => Promise<void>) => void): Promise<Place> {
  const given = Object.fromEntries(settings.map((text) => text.split('=', 2)));
  const dynamicConfig = { 'system.enableActivityEagerExecution': 'true', ...given };
  const stack = await ownStack({ programs: true, profile: undefined, temporal: { dynamicConfig } }, keep);
  const context: Context = {
    stack,
    sender: startChild<SenderMethods>('load/sender.ts'),
    reader: startChild<ReaderMethods>('read/reader.ts'),
    ...{ profile: undefined, isCalm: false, durations: fullDurations, wants: () => true },
  };
  return { stack, context, mark };
}

async function main(): Promise<number> {
  const job = await jobFrom(process.argv.slice(2));
  if (!job) {
    console.error(usage);
    return 1;
  }
  const stops: (() => Promise<void>)[] = [];
  try {
    for (const { name, what } of job.variants) say(`${name}: ${what}`);
    const places: Place[] = [];
    for (const [n, settings] of job.servers.entries()) {
      places.push(await placeFor(settings, '*'.repeat(n), (stop) => stops.push(stop)));
    }
    await compared(places, job);
    return 0;
  } finally {
    await stopChildren();
    for (const stop of stops) await stop();
  }
}

runToEnd(main);
