import { type Command, Option } from 'commander';
import { deadLettersSchema, interventionSchema } from '../answers.ts';
import type { Api } from '../api.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import {
  byOption,
  checkedEventId,
  destinationPath,
  jsonOption,
  laneOption,
  limitOption,
  type NoteOptions,
  noteOf,
  onceOnly,
  reasonOption,
} from '../options.ts';
import { countOf, jsonOf, plain, tableOf, timeOf } from '../output.ts';
import { listed } from '../pages.ts';
import { begun, counted, isSelecting, type SelectorOptions, shown, withSelectorOptions } from '../replaying.ts';

type SelectOptions = NoteOptions & { lane?: string; all?: true; yes?: true; json?: true; once?: string };
type BulkOptions = SelectOptions & SelectorOptions;

/** `causeway dead-letters`, `… replay` and `… discard` */
export function deadLetterCommands(program: Command, context: Context): void {
  const { io, api } = context;
  program
    .command('dead-letters')
    .description('what a destination did not take for good, and why')
    .argument('<destination>', 'its id: dst_…')
    .addOption(limitOption('dead letters', 100))
    .addOption(jsonOption())
    .action(async (id: string, { limit, json }: { limit: number; json?: true }) => {
      const path = `${destinationPath(id)}/dead-letters`;
      const list = { path, limit, pageSizeMax: 1_000, schema: deadLettersSchema };
      const {
        entries: deadLetters,
        pages,
        isMore,
      } = await listed(await api(), {
        ...list,
        entriesIn: (page) => page.deadLetters,
      });
      const unanswered = pages.flatMap((page) => page.unanswered);
      if (json) return io.out(jsonOf({ deadLetters, unanswered, isMore }));
      const rows = deadLetters.map(({ eventId, lane, parkedAt, bytes, error }) => [
        ...[eventId, lane, timeOf(parkedAt), String(bytes), error.name, error.remedy],
      ]);
      if (rows.length > 0) io.out(tableOf(['EVENT', 'LANE', 'PARKED', 'BYTES', 'ERROR', 'REMEDY'], rows));
      for (const { lane, deadLetters: held } of unanswered) {
        io.err(`Lane ${plain(lane)} holds ${held} and does not answer: is a worker running?\n`);
      }
      io.err(`${countOf(deadLetters.length, 'dead letter')}${isMore ? ', and there are more: raise --limit' : ''}.\n`);
    });
  const replay = program.command('replay').description('send dead letters or delivered events again, the same records');
  withSelectorOptions(selecting(replay.argument('[destination]', 'its id: dst_…; not needed with --customer'))).action(
    async (id: string | undefined, events: string[], options: BulkOptions) => {
      if (isSelecting(options)) return await inBackground(context, 'replay', id, events, options);
      if (id === undefined) throw new CliFailure('usage', 'selection_invalid', nothingSelected);
      await signalled(context, 'replay', id, events, options);
    },
  );
  const discard = program.command('discard').description('give dead letters up: they are not sent again');
  withSelectorOptions(selecting(discard.argument('[destination]', 'its id: dst_…; not needed with --customer')))
    .addOption(new Option('--yes', 'do not ask whether to do it, nor count before'))
    .action(async (id: string | undefined, events: string[], options: BulkOptions) => {
      if (isSelecting(options)) return await inBackground(context, 'discard', id, events, options);
      if (id === undefined) throw new CliFailure('usage', 'selection_invalid', nothingSelected);
      await signalled(context, 'discard', id, events, options);
    });
}

const selecting = (command: Command): Command =>
  command
    .argument('[events...]', 'ids of the events: evt_…')
    .addOption(laneOption("all of this lane's dead letters"))
    .addOption(new Option('--all', "all of the destination's dead letters"))
    .addOption(reasonOption())
    .addOption(byOption())
    .addOption(jsonOption());

/** Signals lanes with dead letters, which do it at once. */
async function signalled(
  { io, api }: Context,
  signal: 'replay' | 'discard',
  id: string,
  events: readonly string[],
  options: SelectOptions,
): Promise<void> {
  const path = `${destinationPath(id)}/${signal}`;
  const selection = selectionOf(events, options);
  if (signal === 'discard' && !options.yes) await confirmed(io, selection);
  const at = await api();
  const body = { ...selection, ...noteOf(options) };
  const done = await onceOnly(options.once, (once) => at.post(path, interventionSchema, body, once));
  if (options.json) return io.out(jsonOf(done));
  const what = signal === 'replay' ? 'Sent again' : 'Given up';
  io.out(`${what}: ${countOf(done.deadLetters, 'dead letter')} of ${countOf(done.lanes, 'lane')}.\n`);
}

const nothingSelected = 'Nothing is selected: name a destination, or --customer.';

/** Begins a replay or a discard in the background, and watches it. */
async function inBackground(
  { io, api }: Context,
  action: 'replay' | 'discard',
  destination: string | undefined,
  events: readonly string[],
  options: BulkOptions,
): Promise<void> {
  if (destination !== undefined)
    destinationPath(destination); // Checks it.
  else if (options.customer === undefined) throw new CliFailure('usage', 'selection_invalid', nothingSelected);
  if (options.lane !== undefined || options.all) {
    const why = '--lane and --all are for dead letters alone, and take no other selector: leave them out.';
    throw new CliFailure('usage', 'selection_invalid', why);
  }
  const at = await api();
  const where = { destination, events };
  const asked = action === 'discard' && !options.yes && !options.dryRun;
  const decided = asked ? await decidedOn(at, io, where, options) : options;
  await shown(at, io, await begun(at, where, decided, action), { follow: true, json: options.json });
}

/** What was counted, once a person has said yes to it. Throws `not_confirmed`. */
async function decidedOn(at: Api, io: Context['io'], where: Where, given: BulkOptions): Promise<SelectorOptions> {
  const { events, lanes, options } = await counted(at, io, where, given);
  if (events === 0) throw new CliFailure('failure', 'not_confirmed', 'No dead letter fits. Nothing was changed.');
  await agreed(io, `${countOf(events, 'dead letter')} of ${countOf(lanes, 'lane')}`);
  return options;
}

type Where = Parameters<typeof begun>[1];
type Chosen = { ids: string[] } | { lane: string } | { all: true };

function selectionOf(events: readonly string[], { lane, all }: SelectOptions): Chosen {
  const given = [events.length > 0, lane !== undefined, all === true].filter(Boolean).length;
  if (given !== 1) {
    const what = given === 0 ? 'Nothing is selected' : 'More than one selection is given';
    throw new CliFailure('usage', 'selection_invalid', `${what}: name events, or --lane <lane>, or --all.`);
  }
  if (events.length > 0) return { ids: events.map(checkedEventId) };
  return lane === undefined ? { all: true } : { lane };
}

async function confirmed(io: Context['io'], chosen: Chosen): Promise<void> {
  const what =
    'ids' in chosen ? countOf(chosen.ids.length, 'event') : 'lane' in chosen ? `all of lane ${chosen.lane}` : 'all';
  await agreed(io, what);
}

async function agreed(io: Context['io'], what: string): Promise<void> {
  const answer = await io.ask(`Give up ${what}? They are not sent again. Type yes: `);
  if (answer === undefined) throw new CliFailure('usage', 'not_confirmed', 'Nobody is there to ask: add --yes.');
  if (answer.trim().toLowerCase() !== 'yes') throw new CliFailure('failure', 'not_confirmed', 'Nothing was changed.');
}
