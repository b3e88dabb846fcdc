import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Replay, replaySchema } from '../answers.ts';
import type { Api } from '../api.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import type { Io } from '../io.ts';
import { byOption, jsonOption, type NoteOptions, noteOf, onceKey, reasonOption } from '../options.ts';
import { countOf, jsonOf, pairsOf } from '../output.ts';

const everyMs = 500;
const barChars = 30;

type StartOptions = NoteOptions & {
  destination?: string;
  customer?: string;
  error?: string;
  parkedFrom?: string;
  parkedTo?: string;
  rate?: number;
  dryRun?: true;
  follow?: true;
  json?: true;
};

/** `causeway replays start`, `… show` and `… cancel` */
export function replayCommands(program: Command, { io, api }: Context): void {
  const replays = program
    .command('replays')
    .description('dead letters by a filter, over any number of lanes, in the background');
  replays
    .command('start')
    .description('begin one; it goes on whether you watch it or not')
    .addOption(new Option('--destination <id>', 'of this destination'))
    .addOption(new Option('--customer <id>', 'of all destinations of this customer'))
    .addOption(new Option('--error <name>', 'parked for this error, for example MESSAGE_TOO_LARGE'))
    .addOption(new Option('--parked-from <time>', 'parked then or later'))
    .addOption(new Option('--parked-to <time>', 'parked before'))
    .addOption(new Option('--rate <n>', 'events a second; 200 unless given').argParser(wholeNumber))
    .addOption(new Option('--dry-run', 'only count what would be sent again'))
    .addOption(new Option('--follow', 'show how far it is, until it is over'))
    .addOption(reasonOption())
    .addOption(byOption())
    .addOption(jsonOption())
    .action(async (options: StartOptions) => {
      const at = await api();
      const begin = (dryRun: boolean): Promise<Replay> =>
        at.post('/v1/replays', replaySchema, { ...bodyOf(options), dryRun }, onceKey());
      // Counted first, the bar has an end.
      const total = options.follow && !options.dryRun ? await followed(at, io, await begin(true)) : undefined;
      const replay = await begin(options.dryRun === true);
      await shown(at, io, replay, { ...options, total: total?.events });
    });
  replays
    .command('show')
    .description('how far one is')
    .argument('<replay>', 'its id: rpl_…')
    .addOption(new Option('--follow', 'until it is over'))
    .addOption(jsonOption())
    .action(async (id: string, options: { follow?: true; json?: true }) => {
      const at = await api();
      await shown(at, io, await at.get(replayPath(id), replaySchema), options);
    });
  replays
    .command('cancel')
    .description('end one after the few lanes that it is at; what was sent again stays so')
    .argument('<replay>', 'its id: rpl_…')
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: true }) => {
      const at = await api();
      await shown(at, io, await at.post(`${replayPath(id)}/cancel`, replaySchema, {}, onceKey()), { json });
    });
}

function wholeNumber(given: string): number {
  if (/^[1-9]\d{0,4}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('Give a whole number from 1 to 10000.');
}

function replayPath(id: string): string {
  if (/^rpl_[\w-]+$/.test(id)) return `/v1/replays/${id}`;
  throw new CliFailure(
    'usage',
    'argument_invalid',
    `"${id}" is no replay's id: rpl_… as \`causeway replays start\` prints it.`,
  );
}

function bodyOf(options: StartOptions): Record<string, unknown> {
  const { destination, customer, error, parkedFrom, parkedTo, rate } = options;
  if (destination === undefined && customer === undefined) {
    throw new CliFailure(
      'usage',
      'selection_invalid',
      'Nothing is selected: give --destination or --customer, or both.',
    );
  }
  const filter = { destinationId: destination, customerExternalId: customer, error, parkedFrom, parkedTo };
  return { ...filter, ...(rate !== undefined && { eventsPerSecond: rate }), ...noteOf(options) };
}

type ShowOptions = { follow?: true | undefined; json?: true | undefined; total?: number | undefined };

async function shown(at: Api, io: Io, replay: Replay, { follow, json, total }: ShowOptions): Promise<void> {
  const last = follow ? await followed(at, io, replay, total) : replay;
  if (json) return io.out(jsonOf(last));
  const { id, status, events, lanes, unanswered } = last;
  const pairs: [string, string][] = [
    ['replay', id],
    ['status', status],
  ];
  if (events !== undefined) pairs.push(['events', String(events)]);
  if (lanes !== undefined) pairs.push(['lanes', String(lanes)]);
  if (unanswered) pairs.push(['unanswered', `${countOf(unanswered, 'lane')}: replay once more when a worker is up`]);
  io.out(pairsOf(pairs));
}

/** The replay once it is over, or when a person has seen enough: it goes on without anybody watching. */
async function followed(at: Api, io: Io, replay: Replay, total?: number): Promise<Replay> {
  for (let last = replay; ; ) {
    if (io.isTerminal) io.err(`\r${barOf(last, total)}`);
    if (last.status !== 'running') {
      if (io.isTerminal) io.err('\n');
      return last;
    }
    await sleep(everyMs, undefined, { signal: io.stop }).catch(() => undefined);
    if (io.stop.aborted) {
      io.err(
        `\nIt goes on. causeway replays show ${last.id} --follow watches it, causeway replays cancel ${last.id} ends it.\n`,
      );
      return last;
    }
    last = await at.get(replayPath(last.id), replaySchema);
  }
}

function barOf({ status, events = 0 }: Replay, total: number | undefined): string {
  if (!total) return `${countOf(events, 'event')}, ${status}   `;
  const full = Math.min(Math.round((events / total) * barChars), barChars);
  return `[${'#'.repeat(full)}${'-'.repeat(barChars - full)}] ${events} of ${total}, ${status}   `;
}
