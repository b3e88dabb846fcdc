import { type Command, Option } from 'commander';
import { replaySchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import { byOption, jsonOption, onceKey, reasonOption } from '../options.ts';
import { begun, replayPath, type SelectorOptions, shown, withSelectorOptions } from '../replaying.ts';

type WatchOptions = { follow?: true; json?: true };
type StartOptions = SelectorOptions & WatchOptions & { destination?: string; event?: string[]; discard?: true };

/** `causeway replays start`, `… show`, `… cancel` and `… continue` */
export function replayCommands(program: Command, { io, api }: Context): void {
  const replays = program
    .command('replays')
    .description('replays and discards by a filter, over any number of lanes, in the background');
  const start = replays
    .command('start')
    .description('begin one; it goes on whether you watch it or not')
    .addOption(new Option('--destination <id>', 'of this destination'))
    .addOption(new Option('--event <ids...>', 'these events: evt_…'));
  withSelectorOptions(start)
    .addOption(new Option('--discard', 'give dead letters up in place of sending them again'))
    .addOption(new Option('--follow', 'show how far it is, until it is over'))
    .addOption(reasonOption())
    .addOption(byOption())
    .addOption(jsonOption())
    .action(async ({ destination, event: events, ...options }: StartOptions) => {
      if (destination === undefined && options.customer === undefined && events === undefined) {
        throw new CliFailure(
          'usage',
          'selection_invalid',
          'Nothing is selected: give --destination or --customer, or both, or --event.',
        );
      }
      const at = await api();
      await shown(
        at,
        io,
        await begun(at, { destination, events }, options, options.discard ? 'discard' : 'replay'),
        options,
      );
    });
  const ofOne = (name: string, description: string): Command =>
    replays.command(name).description(description).argument('<replay>', 'its id: rpl_…');
  ofOne('show', 'how far one is')
    .addOption(new Option('--follow', 'until it is over'))
    .addOption(jsonOption())
    .action(async (id: string, options: WatchOptions) => {
      const path = replayPath(id);
      const at = await api();
      await shown(at, io, await at.get(path, replaySchema), options);
    });
  ofOne('continue', 'go on with one that was cancelled, or left lanes out, where it ended')
    .addOption(new Option('--follow', 'show how far it is, until it is over'))
    .addOption(jsonOption())
    .action(async (id: string, options: WatchOptions) => {
      const path = `${replayPath(id)}/continue`;
      const at = await api();
      await shown(at, io, await at.post(path, replaySchema, {}, onceKey()), options);
    });
  ofOne('cancel', 'end one after a few events; what was done stays so, and it can be continued')
    .addOption(jsonOption())
    .action(async (id: string, { json }: WatchOptions) => {
      const path = `${replayPath(id)}/cancel`;
      const at = await api();
      await shown(at, io, await at.post(path, replaySchema, {}, onceKey()), { json });
    });
}
