import { type FaultAuth, faultAuths, promised } from '../fault.ts';
import { faults } from '../faults/index.ts';
import type { FaultResult } from '../runFault.ts';
import type { FaultRun } from './results.ts';

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

const head = [
  ...['fault', 'times', 'workers', 'accepted', 'delivered', 'lost', 'out of order', 'late'],
  ...['there twice', 'of these explained', 'parked', 'longest stall s', 'goes on after s', 'bound s'],
  'caught up after s',
];

const worst = (result: FaultResult, what: 'goesOnMs' | 'caughtUpMs'): number =>
  Math.max(0, ...result.rounds.map((round) => round[what]));

const boundOf = ({ fault }: FaultResult): string => {
  const withinMs = faults.find(({ name }) => name === fault)?.goesOn.withinMs;
  return withinMs === undefined ? '' : whole(withinMs / 1_000);
};

const cells = (result: FaultResult): string[] => [
  result.title,
  String(result.rounds.length),
  String(result.workers),
  whole(result.accepted),
  whole(result.arrived + result.goneWithTopic),
  whole(result.lost),
  whole(result.outOfOrder),
  whole(result.lateWrites),
  whole(result.duplicated),
  whole(result.explained),
  whole(result.parked),
  seconds(result.longestStallMs),
  seconds(worst(result, 'goesOnMs')),
  boundOf(result),
  seconds(worst(result, 'caughtUpMs')),
];

/** A table row for each fault. */
export const tableOf = (results: readonly FaultResult[]): string =>
  [head, head.map(() => '---'), ...results.map(cells)].map((row) => `| ${row.join(' | ')} |`).join('\n');

/** How long a batch waited for a worker, in the middle of each fault: the least and the most. */
function waitsOf(results: readonly FaultResult[]): string {
  const middles = results.flatMap(({ batchWaitMs }) => batchWaitMs?.p50 ?? []);
  if (middles.length === 0) return '';
  return ` A batch waited for a worker for ${Math.min(...middles).toFixed(1)} to ${Math.max(...middles).toFixed(1)} ms (p50).`;
}

const runLine = ({ command, run, results }: FaultRun): string =>
  `- \`${command}\`, ${run.startedAt}, commit ${run.commit}; ${run.cores} × ${run.cpu}, ${run.memoryGiB} GiB, ${run.system}, Node ${run.node}; load before the run ${run.loadBefore}. ${results.map(({ fault }) => fault).join(', ')}.${waitsOf(results)}`;

const problemLines = (results: readonly FaultResult[]): string[] =>
  results.flatMap(({ fault, problems }) => problems.map((problem) => `- ${fault}: ${problem}`));

/** Of each bound that is not the promised one, why it is more. */
const bounds = [...new Set(faults.map(({ goesOn }) => goesOn.why))]
  .flatMap((why) => {
    const names = faults.filter(({ goesOn }) => goesOn !== promised && goesOn.why === why).map(({ name }) => name);
    const withinMs = faults.find(({ goesOn }) => goesOn.why === why)?.goesOn.withinMs ?? 0;
    return names.length === 0 ? [] : [`  - ${whole(withinMs / 1_000)} s, ${names.join(', ')}: ${why}.`];
  })
  .join('\n');

const explanation = `\`npm run test:faults\` brings up real parts (Temporal, Kafka, Postgres, a proxy that does harm), API and workers as processes,
and sends 50 events a second over 24 keys in 4 lanes through the public API while it does harm to one part after another.
Each sender sends its key's events one after the other, and each POST again and again, with the same idempotency key, until it
has its 202.

- *lost*: got its 202, and is not on the topic. *Out of order*: first read behind an event of its key that was sent only after
  its 202. *Late*: a record written behind newer ones of its key by an attempt that was given up.
- *There twice*: records that are one too many. *Explained*: \`GET /v1/events/{id}\` has an attempt of unknown outcome for it.
- *Longest stall*: of any lane, without a delivery while it had an accepted event to deliver; the fault itself included.
- *Goes on after*: from the healing (a process that was started again answers, or polls; where another worker is there already, from the harm) until the last lane in which something
  waited delivered again; *caught up after*: until all that had been accepted by then was delivered. The worst of all times.
- *Bound*: lanes that go on later make a run fail, and so does a fault that did no harm. It is 3 s, or more where something must run out first:
${bounds}
- When a record was written is the broker's own word (\`LogAppendTime\`).

With \`--auth scram\` and \`--auth mtls\` the worker comes to every broker over TLS, as a principal that has WRITE on the topic and nothing
else; with SCRAM a session ends after 10 s (\`connections.max.reauth.ms\`) and is renewed, faults or not.

The last sections are of what Causeway does not ship with: \`--client platformatic\` puts another Kafka client under the worker's producers
([kafka-client](decisions/kafka-client.md)), \`--server\` gives Temporal's server a setting that \`npm start\` does not
([cheap-cycles](decisions/cheap-cycles.md)). Most faults were run there fewer times: how often is in the table.`;

const roads: Record<FaultAuth, string> = {
  none: 'Over plaintext',
  scram: 'Over TLS, with SCRAM-SHA-512',
  mtls: 'Over TLS, with a client certificate',
};

/** Whether it was of something else than what Causeway ships with. */
const isOther = ({ client, server }: FaultRun): boolean => client !== undefined || server !== undefined;

/** What was delivered by, and over. */
const titleOf = ({ auth = 'none', client = 'kafkajs', server = {} }: FaultRun): string =>
  [
    roads[auth],
    ...(client === 'platformatic' ? ["with `@platformatic/kafka` in kafkajs's place"] : []),
    ...Object.entries(server).map(([name, value]) => `Temporal with \`${name}=${value}\``),
  ].join('; ');

/** Where it is said why something went wrong. */
const whyIn = ({ client, server }: FaultRun): string =>
  server ? 'cheap-cycles.md' : client ? 'kafka-client.md' : 'killed-workers.md';

/** What Causeway ships with comes first. */
const inPageOrder = (a: FaultRun, b: FaultRun): number =>
  Number(isOther(a)) - Number(isOther(b)) ||
  faultAuths.indexOf(a.auth ?? 'none') - faultAuths.indexOf(b.auth ?? 'none') ||
  titleOf(a).localeCompare(titleOf(b));

/** Of each fault the result of its last run, and the results that were left behind by it. */
function parted(runs: readonly FaultRun[]): { last: FaultRun[]; earlier: FaultRun[] } {
  const ordered = runs.toSorted((a, b) => a.run.startedAt.localeCompare(b.run.startedAt));
  const lastOf = new Map(ordered.flatMap((run) => run.results.map((result) => [result.fault, result])));
  const only = (isWanted: (result: FaultResult) => boolean): FaultRun[] =>
    ordered.map((run) => ({ ...run, results: run.results.filter(isWanted) })).filter((run) => run.results.length > 0);
  const isLast = (result: FaultResult): boolean => lastOf.get(result.fault) === result;
  return { last: only(isLast), earlier: only((result) => !isLast(result)) };
}

const listed = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:\n\n${lines.join('\n')}`];

function sectionsOf(title: string, runs: readonly FaultRun[]): string[] {
  const { last, earlier } = parted(runs);
  const results = last.flatMap((run) => run.results);
  const [some] = last;
  if (!some) return [];
  const problems = problemLines(results);
  return [
    `## ${title}`,
    tableOf(results),
    ...(problems.length === 0
      ? ['Nothing was wrong in the last run of any fault.']
      : listed(`What was wrong (why: decisions/${whyIn(some)})`, problems)),
    ...listed('Runs', last.map(runLine)),
    ...listed(
      `What was wrong in earlier runs, each of which was repeated since (why: decisions/${whyIn(some)})`,
      earlier.flatMap(({ run, results }) =>
        problemLines(results).map((line) => `${line} (${run.startedAt}, commit ${run.commit}, load ${run.loadBefore})`),
      ),
    ),
  ];
}

/** docs/reliability.md, from the figures of one run or several. */
export function pageOf(runs: readonly FaultRun[]): string {
  const titles = [...new Set(runs.toSorted(inPageOrder).map(titleOf))];
  const sections = [
    '# What was lost, and how long it took',
    'Made by `npm run test:faults -- --page` from the figures in `test/faults/results`; nothing here is written by hand.',
    explanation,
    ...titles.flatMap((title) =>
      sectionsOf(
        title,
        runs.filter((run) => titleOf(run) === title),
      ),
    ),
  ];
  return `${sections.join('\n\n')}\n`;
}
