/** What the commands that begin a replay, or watch one, share. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Replay, replaySchema } from './answers.ts';
import type { Api } from './api.ts';
import { CliFailure } from './failure.ts';
import type { Io } from './io.ts';
import { checkedEventId, type NoteOptions, noteOf, onceOnly, onceOption } from './options.ts';
import { countOf, jsonOf, pairsOf, plain } from './output.ts';

const everyMs = 500;
const barChars = 30;

/** Which events, beside where they are; and how they are sent. */
export type SelectorOptions = NoteOptions & {
  status?: string;
  customer?: string;
  eventType?: string;
  acceptedFrom?: string;
  acceptedTo?: string;
  error?: string;
  parkedFrom?: string;
  parkedTo?: string;
  rate?: number;
  max?: number;
  dryRun?: true;
  once?: string;
};

export const withSelectorOptions = (command: Command): Command =>
  command
    .addOption(
      new Option('--status <status>', 'dead letters, what was delivered, or both; dead letters unless given').choices([
        ...['parked', 'delivered', 'any'],
      ]),
    )
    .addOption(new Option('--customer <id>', 'of all destinations of this customer'))
    .addOption(new Option('--event-type <type>', 'of this type'))
    .addOption(new Option('--accepted-from <time>', 'accepted then or later'))
    .addOption(new Option('--accepted-to <time>', 'accepted before'))
    .addOption(new Option('--error <name>', 'parked for this error, for example MESSAGE_TOO_LARGE'))
    .addOption(new Option('--parked-from <time>', 'parked then or later'))
    .addOption(new Option('--parked-to <time>', 'parked before'))
    .addOption(new Option('--rate <n>', 'events a second; 200 unless given').argParser(wholeNumber))
    .addOption(
      new Option('--max <n>', 'with more than this nothing is done; 1000000 unless given').argParser(wholeNumber),
    )
    .addOption(new Option('--dry-run', 'only count what is meant, and change nothing'))
    .addOption(onceOption());

function wholeNumber(given: string): number {
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  throw new InvalidArgumentError('Give a whole number of 1 or more.');
}

/** Whether any of those options is given. */
export const isSelecting = ({ reason: _, by: __, ...selector }: SelectorOptions): boolean =>
  [
    ...[selector.status, selector.customer, selector.eventType, selector.acceptedFrom, selector.acceptedTo],
    ...[selector.error, selector.parkedFrom, selector.parkedTo, selector.rate, selector.max, selector.dryRun],
  ].some((one) => one !== undefined);

/** Begins a replay, or a discard, of what is selected. Throws where that is nothing. */
export function begun(
  at: Api,
  { destination, events = [] }: { destination?: string | undefined; events?: readonly string[] | undefined },
  options: SelectorOptions,
  action: Replay['action'] = 'replay',
): Promise<Replay> {
  const { customer, status, eventType, acceptedFrom, acceptedTo, error, parkedFrom, parkedTo, rate, max } = options;
  const body = {
    ...(action === 'discard' && { action }),
    ...{ destinationId: destination, customerExternalId: customer },
    ...(events.length > 0 && { eventIds: events.map(checkedEventId) }),
    ...{ status, eventType, acceptedFrom, acceptedTo, error, parkedFrom, parkedTo },
    ...{ eventsPerSecond: rate, eventsMax: max, dryRun: options.dryRun === true, ...noteOf(options) },
  };
  return onceOnly(options.once, (once) => at.post('/v1/replays', replaySchema, body, once));
}

export function replayPath(id: string): string {
  if (/^rpl_[\w-]+$/.test(id)) return `/v1/replays/${id}`;
  throw new CliFailure(
    'usage',
    'argument_invalid',
    `"${id}" is no replay's id: rpl_… as \`causeway replays start\` prints it.`,
  );
}

/** Prints how far the replay or discard is; with `follow` once it is over. Throws where it was over the maximum, left lanes out, or failed. */
export async function shown(
  at: Api,
  io: Io,
  replay: Replay,
  { follow, json }: { follow?: true | undefined; json?: true | undefined },
): Promise<void> {
  const last = follow ? await followed(at, io, replay) : replay;
  if (json) io.out(jsonOf(last));
  else io.out(pairsOf(rowsOf(last)));
  if (last.status === 'tooMany') {
    const why = `The selector names at least ${last.total ?? 'more'} events, and that is over the maximum. Nothing was ${doneOf(last)}: select less, or raise --max.`;
    throw new CliFailure('failure', 'too_many_events', why);
  }
  if (last.status === 'tooLong') {
    const why = `There are at least ${last.total ?? 'so many'} events: a dry run counts for 15 minutes at the most. Select less; one that is to do it counts to the end, or to more than --max.`;
    throw new CliFailure('failure', 'counted_too_long', why);
  }
  if (last.unanswered && last.status !== 'running') throw unanswered(last);
  const { status, named = 0, events = 0, deletedRuns = 0 } = last;
  if (status === 'done' && events === 0 && named === 0 && !json)
    io.err((deletedRuns > 0 ? nothingLeft : nothingFits)(last));
  if (status === 'done' && events < named) {
    const why = `${countOf(named, 'event')} were named, and ${events === 0 ? 'none' : `only ${events}`} of them found where it was to be. The rest was ${last.action === 'discard' ? 'given up or sent' : 'sent'} meanwhile, by another request or by a worker that died, or its history is deleted: causeway log <event> says what became of each.`;
    throw new CliFailure('failure', 'events_missing', why);
  }
  if (last.status === 'failed') {
    throw new CliFailure('failure', 'replay_failed', last.why ?? 'It was ended from outside.');
  }
}

const nothingLeft = (replay: Replay): string =>
  `No event fits in what is still there, and nothing was ${doneOf(replay)}: retention deleted some runs before they were read, and what they delivered.\n`;
const nothingFits = (replay: Replay): string =>
  `No event fits, and nothing was ${doneOf(replay)}. Customer and event type are compared letter by letter; dead letters are meant${replay.action === 'discard' ? '' : ' unless --status says otherwise'}.\n`;

/** What it does with the events that it means. */
const doneOf = ({ action }: Pick<Replay, 'action'>): string => (action === 'discard' ? 'given up' : 'sent');

/**
 * What is left of delivered events is sent by continuing it: another replay of the same events would send the others once more. Dead
 * letters are asked for by another one, of them alone.
 */
function unanswered(replay: Replay): CliFailure {
  const { id, status, unansweredEvents, unansweredLanes = [] } = replay;
  const { parked, delivered } = lanesOut(replay);
  const why: string[] = [];
  if (unansweredEvents) {
    const more = delivered > unansweredLanes.length ? ` and ${delivered - unansweredLanes.length} more` : '';
    const named = unansweredLanes.map(plain).join(', ');
    why.push(
      `${countOf(unansweredEvents, 'event')} of ${countOf(delivered, 'lane')} were not sent, for these did not answer, or had more than 4,000 events waiting for long: ${named}${more}.`,
    );
  }
  if (parked > 0) {
    const none = `nothing of theirs was ${doneOf(replay)} or counted`;
    why.push(`${countOf(parked, 'lane')} with dead letters did not answer, and ${none}.`);
  }
  if (status === 'stalled')
    why.push(`It ended for that, and has more to ${replay.action === 'discard' ? 'give up' : 'send'}.`);
  why.push('See that a worker is up (causeway doctor).');
  if (unansweredEvents) why.push(`causeway replays continue ${id} sends what is left, and nothing twice.`);
  if (parked > 0) {
    why.push(
      replay.action === 'discard'
        ? 'The same discard once more gives theirs up.'
        : 'Its dead letters are sent by this once more with --status parked: any other would send again what was delivered.',
    );
  }
  return new CliFailure('failure', 'lanes_unanswered', why.join(' '));
}

/** Lanes that did not answer: asked for dead letters, and passed over with delivered events. An older replay tells of both in one. */
function lanesOut({ unanswered: lanes = 0, unansweredParked, unansweredEvents }: Replay): {
  parked: number;
  delivered: number;
} {
  const parked = unansweredParked ?? (unansweredEvents === undefined ? lanes : 0);
  return { parked, delivered: lanes - parked };
}

function rowsOf(replay: Replay): [string, string][] {
  const { id, status, events, total, eventsPerSecond, lanes, runs, deletedRuns, historySince } = replay;
  const { unansweredEvents, unansweredLanes = [] } = replay;
  const { parked, delivered } = lanesOut(replay);
  const pairs: [string, string][] = [
    [replay.action, id],
    ['status', status],
  ];
  if (events !== undefined) pairs.push(['events', String(events)]);
  if (total !== undefined) pairs.push(['of', String(total)]);
  if (eventsPerSecond !== undefined) pairs.push(['rate', `${countOf(eventsPerSecond, 'event')} a second at the most`]);
  if (lanes) pairs.push(['lanes', `${lanes} with dead letters`]);
  if (parked) pairs.push(['unanswered', `${countOf(parked, 'lane')} with dead letters`]);
  if (delivered) pairs.push(['passed over', countOf(delivered, 'lane')]);
  if (unansweredEvents) pairs.push(['not sent', countOf(unansweredEvents, 'event')]);
  for (const lane of unansweredLanes) pairs.push(['of', plain(lane)]);
  if (runs) pairs.push(['runs read', String(runs)]);
  if (deletedRuns) pairs.push(['deleted', `${countOf(deletedRuns, 'run')}: by retention, before they were read`]);
  if (historySince) pairs.push(['history since', `${historySince}: what was closed before may be deleted`]);
  return pairs;
}

/**
 * Counts what is selected, and gives what names just that: what was parked since is not meant, and no more than were counted. Throws where
 * it can't be counted.
 */
export async function counted(
  at: Api,
  io: Io,
  where: Parameters<typeof begun>[1],
  options: SelectorOptions,
): Promise<{ events: number; lanes: number; options: SelectorOptions }> {
  const { once } = options;
  // Of the same key, so that the same command counts once, and then asks for the same.
  const count = { ...options, dryRun: true, ...(once && { once: `count-${once}`.slice(0, 128) }) } as const;
  const last = await followed(at, io, await begun(at, where, count, 'discard'));
  const { status, events = 0, lanes = 0, startedAt } = last;
  if (status !== 'done' || startedAt === undefined) {
    await shown(at, io, last, {});
    throw new CliFailure('failure', 'not_counted', 'They were not counted to the end. Nothing was given up.');
  }
  if (last.unanswered) {
    io.err(`${countOf(last.unanswered, 'lane')} did not answer and are not counted: causeway doctor says why.\n`);
  }
  const max = Math.min(events, options.max ?? events);
  // Named events take no other selector, and no event comes to them.
  if (where.events && where.events.length > 0) return { events, lanes, options: { ...options, max } };
  const endMs = Date.parse(startedAt) + 1; // What was parked at its start was counted, and `parkedTo` leaves out what was parked at it.
  const parkedToMs = Math.min(endMs, options.parkedTo === undefined ? endMs : Date.parse(options.parkedTo));
  return { events, lanes, options: { ...options, parkedTo: new Date(parkedToMs).toISOString(), max } };
}

/** The replay once it is over, or when a person has seen enough: it goes on without anybody watching. */
async function followed(at: Api, io: Io, replay: Replay): Promise<Replay> {
  for (let last = replay; ; ) {
    if (io.isTerminal) io.err(`\r${barOf(last)}`);
    if (last.status !== 'running') {
      if (io.isTerminal) io.err('\n');
      return last;
    }
    await sleep(everyMs, undefined, { signal: io.stop }).catch(() => undefined);
    try {
      if (!io.stop.aborted) {
        last = await at.get(replayPath(last.id), replaySchema);
        continue;
      }
    } catch (error) {
      if (!io.stop.aborted) {
        io.err(goesOn(last)); // Who runs the command again begins another one.
        throw error;
      }
    }
    io.err(goesOn(last));
    return last;
  }
}

const goesOn = ({ id }: Replay): string =>
  `\nIt goes on. causeway replays show ${id} --follow watches it, causeway replays cancel ${id} ends it.\n`;

function barOf({ status, events = 0, total, unansweredEvents }: Replay): string {
  if (!total) return `${countOf(events, 'event')} counted, ${status}   `;
  const left = unansweredEvents ? `, ${unansweredEvents} of lanes that do not answer` : '';
  const full = Math.min(Math.round((events / total) * barChars), barChars);
  return `[${'#'.repeat(full)}${'-'.repeat(barChars - full)}] ${events} of ${total}${left}, ${status}   `;
}
