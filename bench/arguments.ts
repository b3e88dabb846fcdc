import { parseArgs } from 'node:util';
import { rows } from './rows/index.ts';

/** The parts of the bench, by the letters that the issue and the report give them, or a name. */
export const partNames = {
  a: 'kafkajs alone',
  b: 'bare signalWithStart',
  c: 'the direct road: HTTP and Kafka, nothing durable',
  d: 'the whole road',
  e: 'latency in one lane',
  f: 'more than the road can carry',
  backlog:
    'a backlog: accepted while its Kafka is down (of a running stack: while its lanes are paused), then delivered',
} as const;
export type PartName = keyof typeof partNames;

export type BenchArguments = {
  parts: ReadonlySet<PartName>;
  /** Only these loads of (c), (d), (f) and (backlog), by a piece of their names; all where empty. */
  loads: readonly string[];
  quick: boolean;
  /** Wait for a quiet machine, and repeat what others disturbed. */
  calm: boolean;
  /** A stack of our own, though one runs. */
  own: boolean;
  out: string | undefined;
  /** A folder for CPU profiles of API, worker and the direct road. */
  profile: string | undefined;
  /** Rows of issue 6's table, by name: where there are any, they run in place of the parts. */
  rows: readonly string[];
  /** For rows that last for a time of their own. */
  minutes: number | undefined;
  /** Keep each row's result, for later runs to be compared with. */
  store: boolean;
};

/** Those that run where no part is named: a backlog of a million events takes many minutes. */
const usualParts = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

const isPartName = (text: string): text is PartName => Object.hasOwn(partNames, text);

export const usage = `Usage: npm run bench -- [arguments]

  --only a,c      only these parts; (d) needs (b) and (c) for its ratios, (f) runs at ten times the rate of (d), and
                  (backlog) runs only where it is named
${Object.entries(partNames)
  .map(([name, what]) => `                    ${name.padEnd(8)}${what}`)
  .join('\n')}
  --load batches  of (c), (d), (f) and (backlog) only the loads whose name holds this; several are comma-separated
  --quick         shorter loads, for a first look: the figures are rougher
  --calm          before each load wait for others to leave the machine alone (2 minutes at most), and repeat it (3 times at
                  most) where they did not; the least disturbed figure counts
  --own           bring up a stack of its own though one runs (npm start)
  --out x.json    also write the figures to this file
  --profile dir   bring up a stack of its own, and write CPU profiles of API, worker and (c) into this folder
  --row x,y       in place of the parts these rows of issue 6's table, each with its limits measured beside it, a plot in bench/plots/
                  and the difference to the last stored result; --rows lists them, all names all of them
  --minutes n     how long rows last that have a time of their own (slowest-post, soak)
  --store         keep the rows' results in bench/results/
  --help          show this`;

export const rowList = `The rows, for --row:\n\n${rows.map(({ name, what }) => `  ${name.padEnd(20)}${what}`).join('\n')}`;

/** What is wrong with the arguments, for the person who typed them. */
export class WrongArgument extends Error {
  override readonly name = 'WrongArgument';
}

/** Reads the arguments; `'help'` and `'rows'` where those are asked for. Throws {@link WrongArgument}, which says what would be right. */
export function readArguments(given: readonly string[]): BenchArguments | 'help' | 'rows' {
  const values = parsed(given);
  if (values.help) return 'help';
  if (values.rows) return 'rows';
  return {
    parts: partsFrom(values.only),
    loads: listFrom(values.load),
    quick: values.quick ?? false,
    calm: values.calm ?? false,
    own: values.own ?? false,
    out: fileFrom('--out', values.out),
    profile: fileFrom('--profile', values.profile),
    rows: rowsFrom(values.row),
    minutes: minutesFrom(values.minutes),
    store: values.store ?? false,
  };
}

const options = {
  only: { type: 'string' },
  load: { type: 'string' },
  quick: { type: 'boolean' },
  calm: { type: 'boolean' },
  own: { type: 'boolean' },
  out: { type: 'string' },
  profile: { type: 'string' },
  row: { type: 'string' },
  rows: { type: 'boolean' },
  minutes: { type: 'string' },
  store: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

function parsed(given: readonly string[]) {
  try {
    return parseArgs({ args: [...given], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('. ')[0] ?? error.message) : String(error);
    throw new WrongArgument(`${reason}.\n\n${usage}`);
  }
}

const listFrom = (text: string | undefined): string[] =>
  (text ?? '')
    .split(',')
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');

function partsFrom(text: string | undefined): ReadonlySet<PartName> {
  const all = Object.keys(partNames).filter(isPartName);
  if (text === undefined) return new Set(usualParts);
  const wanted = listFrom(text);
  const wrong = wanted.filter((part) => !isPartName(part));
  if (wanted.length === 0 || wrong.length > 0) {
    const what = wanted.length === 0 ? 'names no part' : `names ${wrong.join(', ')}, which is no part`;
    throw new WrongArgument(`--only ${what}. Give some of ${all.join(', ')}, comma-separated: --only a,c`);
  }
  return new Set(wanted.filter(isPartName));
}

function rowsFrom(text: string | undefined): readonly string[] {
  if (text === undefined) return [];
  const names = rows.map(({ name }) => name);
  const wanted = listFrom(text);
  if (wanted.join() === 'all') return names;
  const wrong = wanted.filter((name) => !names.includes(name));
  if (wanted.length > 0 && wrong.length === 0) return wanted;
  const what = wanted.length === 0 ? 'names no row' : `names ${wrong.join(', ')}, which is no row`;
  throw new WrongArgument(`--row ${what}. Give some of ${names.join(', ')}, comma-separated, or all.`);
}

function minutesFrom(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const minutes = Number(text);
  if (minutes > 0 && Number.isFinite(minutes)) return minutes;
  throw new WrongArgument(`--minutes needs a number over 0, for example --minutes 2; got "${text}".`);
}

function fileFrom(name: string, text: string | undefined): string | undefined {
  if (text !== undefined && (text.trim() === '' || text.startsWith('-'))) {
    throw new WrongArgument(`${name} needs a path, for example ${name} bench-results; got "${text}".`);
  }
  return text;
}
