import { partNames } from '../arguments.ts';
import type { CpuSeconds } from '../cpu/cpuMeter.ts';
import type { RoundResult } from '../load/round.ts';
import type { RoadResult } from '../parts/wholeRoad.ts';
import { ratioToDirect, ratioToSignals } from './ratios.ts';
import type { Results } from './results.ts';

type Cell = string | number | undefined;

const table = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell ?? '–').join(' | ')} |`)
    .join('\n');

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const fixed = (value: number | undefined, digits = 2): Cell => value?.toFixed(digits);
const ms = (value: number): string => (Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : '–');

const processNames = ['api', 'worker', 'temporal', 'kafka', 'postgres', 'sender', 'reader', 'others'] as const;

/** CPU seconds by process, and the milliseconds that an event cost over all but the load's own and others'. */
function cpuCells(cpu: CpuSeconds, events: number): Cell[] {
  const own = new Set(['sender', 'reader', 'others']);
  const used = Object.entries(cpu).reduce((sum, [name, seconds]) => sum + (own.has(name) ? 0 : seconds), 0);
  return [
    ...processNames.map((name) => fixed(cpu[name], 1)),
    events === 0 ? undefined : fixed((1_000 * used) / events),
  ];
}
const cpuHead = [...processNames.map((name) => `${name} s`), 'ms an event'];

const integrity = ({ lost, duplicated, outOfOrder }: RoundResult): string =>
  lost + duplicated + outOfOrder === 0
    ? 'all, in order'
    : `${lost} lost, ${duplicated} doubled, ${outOfOrder} out of order`;

const answersOf = ({ answers }: RoundResult): string =>
  Object.entries(answers)
    .map(([name, count]) => `${whole(count)} × ${name}`)
    .join(', ');

const section = (letter: keyof typeof partNames, body: string, note = ''): string =>
  [`### (${letter}) ${partNames[letter]}`, ...(note === '' ? [] : [note]), body].join('\n\n');

function partA({ parts }: Results): string[] {
  if (!parts.a) return [];
  const rows = parts.a.map(({ recordsPerRequest, eventsPerSecond, cpuSeconds }) => [
    recordsPerRequest,
    whole(eventsPerSecond),
    fixed(cpuSeconds.kafka, 1),
    fixed(cpuSeconds.producer, 1),
    fixed(cpuSeconds.others, 1),
  ]);
  return [section('a', table(['records a request', 'events/s', 'kafka s', 'producer s', 'others s'], rows))];
}

function partB({ parts }: Results): string[] {
  if (!parts.b) return [];
  const rows = parts.b.map(({ workflows, drainedPerSecond, storedPerSecond, cpuSeconds }) => [
    workflows === 'new' ? 'a new one each' : workflows,
    whole(storedPerSecond),
    whole(drainedPerSecond),
    fixed(cpuSeconds.temporal, 1),
    fixed(cpuSeconds.worker, 1),
    fixed(cpuSeconds.signaller, 1),
    fixed(cpuSeconds.others, 1),
  ]);
  const head = ['workflows', 'stored/s', 'drained/s', 'temporal s', 'worker s', 'signaller s', 'others s'];
  return [
    section(
      'b',
      table(head, rows),
      '64 at a time. "Stored": answered, over the time of sending; ratios below are to this. "Drained": over the time until the last one was.',
    ),
  ];
}

function partC({ parts }: Results): string[] {
  if (!parts.c) return [];
  const rows = parts.c.map(({ load, round }) => [
    load.title,
    whole(round.eventsPerSecond),
    `${ms(round.postMs.p50)} / ${ms(round.postMs.p99)}`,
    integrity(round),
    ...cpuCells(round.cpuSeconds, round.arrived),
  ]);
  return [section('c', table(['load', 'events/s', 'POST p50 / p99 ms', 'read back', ...cpuHead], rows))];
}

/** What the lanes' histories tell of each load. */
function laneTable(results: readonly RoadResult[]): string {
  const pair = ({ p50, p99 }: { p50: number; p99: number }): string => `${ms(p50)} / ${ms(p99)}`;
  const rows = results.flatMap(({ load, lanes, round: { laneWork } }) =>
    laneWork
      ? [
          [
            `${load.title}; ${lanes.title}`,
            fixed(laneWork.eventsPerSignal, 1),
            fixed(laneWork.eventsPerBatch, 1),
            whole(laneWork.signals),
            whole(laneWork.batches),
            whole(laneWork.workflowTasks),
            laneWork.failedTasks,
            laneWork.runs,
            pair(laneWork.taskWaitMs),
            pair(laneWork.taskMs),
            pair(laneWork.activityWaitMs),
            pair(laneWork.activityMs),
          ],
        ]
      : [],
  );
  const head = [
    ...['in the lanes', 'events a signal', 'events a batch', 'signals', 'batches', 'workflow tasks', 'failed', 'runs'],
    ...['task waits p50 / p99 ms', 'task takes', 'activity waits', 'activity takes'],
  ];
  return table(head, rows);
}

function partD(results: Results): string[] {
  const { parts } = results;
  if (!parts.d) return [];
  const rows = parts.d.map((result) => [
    `${result.load.title}; ${result.lanes.title}`,
    whole(result.round.eventsPerSecond),
    fixed(ratioToSignals(result, parts)),
    fixed(ratioToDirect(result, parts)),
    `${ms(result.round.postMs.p50)} / ${ms(result.round.postMs.p99)}`,
    whole(result.round.refused + result.round.unclear),
    integrity(result.round),
    ...cpuCells(result.round.cpuSeconds, result.round.arrived),
  ]);
  const head = ['load', 'events/s', 'to (b)', 'to (c)', 'POST p50 / p99 ms', 'refused', 'read back', ...cpuHead];
  return [section('d', table(head, rows), 'From the first POST to the last record read back.'), laneTable(parts.d)];
}

function partE({ parts }: Results): string[] {
  if (!parts.e) return [];
  const rows = parts.e.map(({ eventsPerSecond, lingerMs, round }) => [
    eventsPerSecond,
    lingerMs,
    ms(round.latencyMs.p50),
    ms(round.latencyMs.p99),
    ms(round.latencyMs.max),
    `${ms(round.postMs.p50)} / ${ms(round.postMs.p99)}`,
    whole(round.arrived),
    integrity(round),
    ...cpuCells(round.cpuSeconds, round.arrived),
  ]);
  const head = [
    ...['events/s', 'linger ms', 'p50 ms', 'p99 ms', 'worst ms', 'POST p50 / p99 ms', 'events', 'read back'],
    ...cpuHead,
  ];
  return [section('e', table(head, rows), 'From POST to the record in the hands of a consumer.')];
}

function partF({ parts }: Results): string[] {
  if (!parts.f) return [];
  const rows = parts.f.map(({ load, lanes, carriedPerSecond, pushedPerSecond, round }) => [
    `${load.eventsPerPost === 1 ? 'single POSTs' : load.title.split(',')[0]}; ${lanes.title}`,
    whole(carriedPerSecond),
    whole(pushedPerSecond),
    whole(round.unsent),
    whole(round.accepted),
    whole(round.refused),
    whole(round.unclear),
    whole(round.arrived),
    round.lost,
    whole(round.stillComing),
    whole(round.seconds),
    round.duplicated,
    round.outOfOrder,
    `${ms(round.worstPostMs)}`,
    `${ms(round.markAcceptedAfterMs)}`,
    answersOf(round),
    ...cpuCells(round.cpuSeconds, round.arrived),
  ]);
  const head = [
    ...['load', 'carried/s', 'pushed/s', 'not sent', 'accepted', 'refused', 'unclear', 'arrived'],
    ...['lost', 'still coming', 'all read after s', 'doubled', 'out of order'],
    ...['worst POST ms', 'open again after ms', 'answers', ...cpuHead],
  ];
  const note =
    'Events. "Not sent": they were due while every connection waited. "Unclear": no answer within 30 s, or one that leaves it open.';
  return [section('f', table(head, rows), note)];
}

function partBacklog({ parts }: Results): string[] {
  if (!parts.backlog) return [];
  const rows = parts.backlog.map((result) => [
    result.lanes.title,
    whole(result.accepted),
    whole(result.acceptedPerSecond),
    whole(result.deliveredPerSecond),
    `${result.lost} / ${result.outOfOrder} / ${result.duplicated}`,
    result.segments,
    `${result.runs} runs, ${whole(result.historyEventsMax)} events, ${fixed(result.historyBytesMax / 1e6, 1)} MB`,
    whole(result.apiMiB),
    whole(result.workerMiB),
    Object.entries(result.answers)
      .map(([name, count]) => `${whole(count)} × ${name}`)
      .join(', '),
  ]);
  const head = [
    ...['lanes', 'accepted', 'accepted/s', 'delivered/s', 'lost / out of order / doubled', 'segments'],
    ...['lanes: runs, and the largest history of one', 'api MiB', 'worker MiB', 'answers'],
  ];
  return [section('backlog', table(head, rows), 'MiB: the most that the process held in memory.')];
}

function targets({ targets: all }: Results): string {
  const rows = all.map(({ what, wanted, measured, isMet }) => [
    what,
    wanted,
    measured === undefined ? 'not run' : measured >= 10 ? whole(measured) : fixed(measured),
    isMet === undefined ? '–' : isMet ? 'met' : 'missed',
  ]);
  return `### Targets\n\n${table(['what', 'wanted', 'measured', ''], rows)}`;
}

/** The results as tables that a terminal and a page both show. */
export function markdownOf(results: Results): string {
  const { run } = results;
  const head = [
    `${run.startedAt}, commit ${run.commit}`,
    `${run.cores} × ${run.cpu}, ${run.memoryGiB} GiB, ${run.system}, Node ${run.node}`,
    `load before the run ${run.loadBefore}; ${run.stack === 'own' ? 'a stack of its own' : 'the running stack'}${run.isQuick ? '; quick' : ''}${run.isCalm ? '; loads that others disturbed were repeated' : ''}`,
  ].join('; ');
  const sections = [partA, partB, partC, partD, partE, partF, partBacklog].flatMap((part) => part(results));
  return [`Events of about 600 bytes. ${head}.`, ...sections, targets(results)].join('\n\n');
}
