/**
 * `node --import tsx bench/scaling/main.ts [whole-run.json [row-slowest-post.json]]`: the cost model. Fits the CPU of a whole run of the bench, says how well
 * it tells each load, holds it against a longer run that it was not made of, and says what it predicts.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { runToEnd } from '../program.ts';
import { costOf, costOfNewLanes, cpuMsOf } from './costModel.ts';
import { fitted } from './fit.ts';
import { loadsIn } from './results.ts';

const wholeRun = fileURLToPath(new URL('../results/2026-11-28-all-targets.json', import.meta.url));
const rates = [1_000, 10_000, 100_000];
const ratesOfLane = [1, 10, 100, 1_000];
const usual = { eventsPerPost: 1, lingerMs: 100, eventBytes: 600 };
const secondsOfDay = 86_400;

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

function predictions(): string {
  const lines = rates.flatMap((eventsPerSecond) => [
    ...ratesOfLane.map((ofLane) => {
      const lanes = eventsPerSecond / ofLane;
      const cost = costOf({ ...usual, eventsPerSecond, lanes });
      const perDay = (cost.historyBytes * secondsOfDay) / 1e9;
      return [whole(eventsPerSecond), `${whole(lanes)} lanes of ${ofLane}/s`, cost, whole(perDay)] as const;
    }),
    [whole(eventsPerSecond), 'a new lane each', costOfNewLanes(eventsPerSecond), '–'] as const,
  ]);
  const rows = lines.map(([rate, spread, cost, perDay]) =>
    [
      ...[rate, spread, whole(cost.signals), whole(cost.transitions), whole(cost.historyEvents), perDay],
      ...[whole(cost.actions), (cost.actions / Number(rate.replaceAll(',', ''))).toFixed(3), cost.cores.toFixed(1)],
    ].join(' | '),
  );
  const head = ['events/s', 'spread over', 'signals/s', 'transitions/s', 'history events/s', 'history GB/day'];
  const names = [...head, 'actions/s', 'actions an event', 'cores'];
  return [`| ${names.join(' | ')} |`, `|${' --- |'.repeat(names.length)}`, ...rows.map((row) => `| ${row} |`)].join(
    '\n',
  );
}

const rowSchema = z.object({ figures: z.array(z.object({ name: z.string(), value: z.number().nullable() })) });

/** What a longer run took, and what the model says it should have. */
async function heldAgainst(file: string, costs: Parameters<typeof cpuMsOf>[1]): Promise<string> {
  const { figures } = rowSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  const of = (name: string): number => figures.find((figure) => figure.name === name)?.value ?? Number.NaN;
  const events = of('events');
  const counted = { events, posts: events, signals: of('signals'), batches: of('batches'), seconds: of('lasted') };
  const told = cpuMsOf(counted, costs) / events;
  const took = of('CPU of API, worker and Temporal');
  const minutes = (counted.seconds / 60).toFixed(1);
  return `A run of ${minutes} min that it was not made of: ${took.toFixed(2)} ms an event, the model says ${told.toFixed(2)} (${(told / took).toFixed(2)}).`;
}

async function main(): Promise<number> {
  const [file = wholeRun, longer] = process.argv.slice(2);
  const loads = await loadsIn(file);
  const costs = fitted(loads);
  const { event, post, signal, batch, second } = costs;
  console.log(
    `CPU in ms: ${event.toFixed(3)} an event, ${post.toFixed(3)} a POST, ${signal.toFixed(2)} a signal, ${batch.toFixed(2)} a batch, ${second.toFixed(0)} a second.\n`,
  );
  console.log('| load | took, ms an event | the model says | of it |\n| --- | --- | --- | --- |');
  for (const load of loads) {
    const [took, told] = [load.cpuMs / load.events, cpuMsOf(load, costs) / load.events];
    console.log(`| ${load.name} | ${took.toFixed(3)} | ${told.toFixed(3)} | ${(told / took).toFixed(2)} |`);
  }
  if (longer !== undefined) console.log(`\n${await heldAgainst(longer, costs)}`);
  console.log(`\n${predictions()}`);
  return 0;
}

runToEnd(main);
