/**
 * `node --import tsx bench/temporalProfile/main.ts [seconds [lines]]`: what Temporal's server does under load, on a stack of its own whose server can
 * be profiled: batches over one lane, over four, and single POSTs over four. Go has to be there, for the server is built.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../../dev/servers/install.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { say } from '../../dev/servers/progress.ts';
import { startChild, stopChildren } from '../child/child.ts';
import { batches, type Load, singles64 } from '../load/loads.ts';
import type { SenderMethods } from '../load/sender.ts';
import { type Context, fullDurations } from '../parts/context.ts';
import { overTheRoad } from '../parts/wholeRoad.ts';
import { countsIn, runToEnd } from '../program.ts';
import type { ReaderMethods } from '../read/reader.ts';
import { fourLanes, type LaneKind, oneLane } from '../road/destination.ts';
import { warmUp } from '../rows/throughput.ts';
import { ownStack } from '../stack/ownStack.ts';
import { profileAddressVariable, profiledCli } from './profiledCli.ts';
import { meaningOf, purposeOf, type Stack, stacksIn, summed } from './stacks.ts';

const cases: readonly { load: Load; lanes: LaneKind }[] = [
  { load: batches, lanes: oneLane },
  { load: batches, lanes: fourLanes },
  { load: singles64, lanes: fourLanes },
];
/** A load is on its way before the profile begins, and lasts longer than it. */
const marginS = 2;

type Profiling = { context: Context; address: string; dir: string; seconds: number; lines: number };

async function profileOf({ address, dir, seconds }: Profiling): Promise<Stack[]> {
  const response = await fetch(`http://${address}/debug/pprof/profile?seconds=${seconds}`);
  if (!response.ok) throw new Error(`No profile: ${response.status} ${await response.text()}`);
  const file = join(dir, 'profile');
  await writeFile(file, new Uint8Array(await response.arrayBuffer()));
  return stacksIn(await run('go', ['tool', 'pprof', '-traces', '-unit=ms', file]));
}

function printTable(title: string, sums: readonly [string, number][], perEvents: number, lines: number): void {
  const all = sums.reduce((sum, [, ms]) => sum + ms, 0);
  console.log(`\n| ${title} | share | µs an event |\n| --- | --- | --- |`);
  for (const [name, ms] of sums.slice(0, lines)) {
    console.log(`| ${name} | ${((100 * ms) / all).toFixed(1)} % | ${((1_000 * ms) / perEvents).toFixed(1)} |`);
  }
}

async function profiled(profiling: Profiling, { load, lanes }: (typeof cases)[number]): Promise<void> {
  const { context, seconds, lines } = profiling;
  say(`${load.title}, ${lanes.title} …`);
  const running = overTheRoad(context, { load, lanes }, { seconds: seconds + 2 * marginS });
  const [round, stacks] = await Promise.all([running, sleep(marginS * 1_000).then(() => profileOf(profiling))]);
  const { laneWork: work, eventsPerSecond, cpuSeconds, arrived, othersShare } = round;
  const events = eventsPerSecond * seconds;
  const ofAll = ((1_000 * (cpuSeconds.temporal ?? Number.NaN)) / arrived).toFixed(3);
  console.log(`\n### ${load.title}, ${lanes.title}\n
${Math.round(eventsPerSecond)} events/s; ${ofAll} ms of Temporal's CPU an event; ${work?.eventsPerSignal.toFixed(1)} events a signal, ${work?.eventsPerBatch.toFixed(1)} a batch; ${((work?.historyEvents ?? 0) / (work?.batches ?? 1)).toFixed(1)} history events and ${((work?.workflowTasks ?? 0) / (work?.batches ?? 1)).toFixed(2)} workflow tasks a batch; others used ${Math.round(100 * othersShare)} % of the machine.`);
  printTable('what', summed(stacks, meaningOf), events, lines);
  printTable('for whom', summed(stacks, purposeOf), events, lines);
  printTable(
    'function, by itself',
    summed(stacks, ({ functions }) => functions[0] ?? ''),
    events,
    lines,
  );
}

async function main(): Promise<number> {
  const counts = countsIn(process.argv.slice(2), 2);
  if (!counts) {
    console.error(
      'Usage: node --import tsx bench/temporalProfile/main.ts [seconds of each profile [lines of each table]]',
    );
    return 1;
  }
  const [seconds = 20, lines = 25] = counts;
  const dir = await mkdtemp(join(tmpdir(), 'causeway-profile-'));
  let stop = async (): Promise<void> => undefined;
  try {
    const address = `127.0.0.1:${await freePort()}`;
    const temporal = { cli: await profiledCli(), env: { [profileAddressVariable]: address } };
    const stack = await ownStack({ programs: true, profile: undefined, temporal }, (stopIt) => {
      stop = stopIt;
    });
    const context: Context = {
      stack,
      sender: startChild<SenderMethods>('load/sender.ts'),
      reader: startChild<ReaderMethods>('read/reader.ts'),
      ...{ profile: undefined, isCalm: false, durations: fullDurations, wants: () => true },
    };
    await warmUp(context);
    for (const one of cases) await profiled({ context, address, dir, seconds, lines }, one);
    return 0;
  } finally {
    await stopChildren();
    await stop();
    await rm(dir, { recursive: true, force: true });
  }
}

runToEnd(main);
