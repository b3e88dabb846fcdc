/** What Temporal's server was at while a profile was taken, told from its stacks: what the work was, and whom it was for. */

/** One stack, its innermost function first, and how long the processor was in it, in ms. */
export type Stack = { ms: number; functions: string[] };

const sample = /^ *(\d+(?:\.\d+)?)(us|ms|s)? {3}(\S.*)$/;
const msPer: Record<string, number> = { us: 0.001, ms: 1, s: 1_000 };

/** Reads what `go tool pprof -traces` prints. */
export function stacksIn(traces: string): Stack[] {
  const stacks: Stack[] = [];
  let current: Stack | undefined;
  for (const line of traces.split('\n')) {
    if (line.startsWith('-----')) {
      current = { ms: 0, functions: [] };
      stacks.push(current);
      continue;
    }
    const [, value, unit = 's', first] = sample.exec(line) ?? [];
    const name = first ?? line;
    if (!current || (first === undefined && (current.functions.length === 0 || line.trim() === ''))) continue;
    if (value !== undefined) current.ms = Number(value) * (msPer[unit] ?? 1);
    current.functions.push(name.trim().replace(/ \(inline\)$/, ''));
  }
  return stacks.filter(({ functions }) => functions.length > 0);
}

/** The innermost function that one of these fits says what the work was; the order of the rows is of no weight. */
const meanings: readonly (readonly [string, RegExp])[] = [
  [
    'garbage collector',
    /^runtime\.(gcBgMarkWorker|gcAssistAlloc|bgsweep|bgscavenge|gcStart|gcMarkTermination|gcDrain)/,
  ],
  ['SQLite', /^modernc\.org\//],
  [
    'SQL around SQLite',
    /^(database\/sql|github\.com\/jmoiron\/sqlx|go\.temporal\.io\/server\/common\/persistence\/sql)/,
  ],
  ['visibility store', /^go\.temporal\.io\/server\/common\/persistence\/visibility/],
  ['persistence: what is stored and how', /^go\.temporal\.io\/server\/common\/persistence(?!\/(sql|visibility))/],
  [
    'protobuf',
    /^(google\.golang\.org\/protobuf|github\.com\/gogo\/protobuf|google\.golang\.org\/grpc\/encoding\/proto)/,
  ],
  [
    'gRPC and its connections',
    /^(google\.golang\.org\/grpc(?!\/encoding\/proto)|golang\.org\/x\/net\/|net\.|internal\/poll\.)/,
  ],
  ['compression', /^(compress\/|github\.com\/klauspost\/compress|github\.com\/golang\/snappy)/],
  [
    'logs and metrics',
    /^(go\.uber\.org\/zap|go\.opentelemetry\.io|github\.com\/uber-go\/tally|github\.com\/prometheus|go\.temporal\.io\/server\/common\/(log|metrics)\b)/,
  ],
  [
    'what stands before each call: limits, rights, redirection',
    /^go\.temporal\.io\/server\/common\/(rpc|authorization|quotas|headers|namespace|dynamicconfig)\b/,
  ],
  ['history engine', /^go\.temporal\.io\/server\/service\/history/],
  ['matching', /^go\.temporal\.io\/server\/(service|client)\/matching/],
  ['frontend', /^go\.temporal\.io\/server\/service\/frontend/],
];
const scheduler = 'goroutines: scheduler, timers, locks';
const rest = 'other';

export function meaningOf({ functions }: Stack): string {
  for (const name of functions) {
    const found = meanings.find(([, fits]) => fits.test(name));
    if (found) return found[0];
  }
  return functions.every((name) => /^(runtime|internal\/runtime|sync|time|context)\b/.test(name)) ? scheduler : rest;
}

const handler = /\._(\w+?)Service_(\w+)_Handler/;
const queue = /history\.\(\*(\w+?)Queue(?:Active)?TaskExecutor\)/;
/** What goes on by itself, where no call and no queue is above it. */
const background: readonly (readonly [string, RegExp])[] = [
  ['gRPC: connections', /^google\.golang\.org\/grpc\/internal\/transport/],
  ['history: reading its queues', /service\/history\/queues/],
  ['matching: in the background', /service\/matching/],
  ['garbage collector', /gcBgMarkWorker|bgsweep|bgscavenge/],
];

/** The call that it was for: the handler that stands outermost. Or the queue, or what else goes by itself. */
export function purposeOf({ functions }: Stack): string {
  const outermostFirst = functions.toReversed();
  for (const name of outermostFirst) {
    const [, service, method] = handler.exec(name) ?? [];
    if (service && method) return `${service.toLowerCase()}: ${method}`;
    const [, kind] = queue.exec(name) ?? [];
    if (kind) return `history: ${kind} queue`;
  }
  for (const name of outermostFirst) {
    const found = background.find(([, fits]) => fits.test(name));
    if (found) return found[0];
  }
  const only = meaningOf({ ms: 0, functions });
  return only === rest || only === scheduler ? only : `${rest}: ${only}`;
}

/** The ms of each, the most first. */
export function summed(stacks: readonly Stack[], nameOf: (stack: Stack) => string): [string, number][] {
  const sums = new Map<string, number>();
  for (const stack of stacks) {
    const name = nameOf(stack);
    sums.set(name, (sums.get(name) ?? 0) + stack.ms);
  }
  return [...sums].sort(([, a], [, b]) => b - a);
}
