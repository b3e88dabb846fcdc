import { type Command, Option } from 'commander';
import { deliveryStates } from '../../domain/lane.ts';
import { type Lane, lanesSchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { destinationPath, jsonOption, limitOption } from '../options.ts';
import { countOf, jsonOf, tableOf } from '../output.ts';
import { listed } from '../pages.ts';

/** `causeway lanes` */
export function laneCommands(program: Command, { io, api }: Context): void {
  program
    .command('lanes')
    .description("a destination's open lanes: the state of each, and what waits in it")
    .argument('<destination>', 'its id: dst_…')
    .addOption(new Option('--state <state>', 'only lanes in this state').choices(deliveryStates))
    .addOption(limitOption('lanes', 100))
    .addOption(jsonOption())
    .action(async (id: string, { state, limit, json }: { state?: string; limit: number; json?: true }) => {
      const path = `${destinationPath(id)}/lanes`;
      const filter = state === undefined ? '' : `&state=${state}`;
      const { entries: lanes, isMore } = await listed(await api(), {
        ...{ path, filter, limit, schema: lanesSchema },
        entriesIn: (page) => page.lanes,
      });
      if (json) return io.out(jsonOf({ lanes, isMore }));
      const heads = ['LANE', 'STATE', 'WAITING', 'DEAD LETTERS', 'DELIVERED', 'WHY'];
      if (lanes.length > 0) io.out(tableOf(heads, lanes.map(rowOf)));
      io.err(`${countOf(lanes.length, 'open lane')}${isMore ? ', and there are more: raise --limit' : ''}.\n`);
    });
}

function rowOf({ lane, state, deadLetters, status }: Lane): string[] {
  if (!status) return [lane, state, '?', String(deadLetters), '?', 'It does not answer: is a worker running?'];
  const { waitingEvents, counts } = status;
  return [lane, state, String(waitingEvents), String(deadLetters), String(counts.delivered), whyOf(status)];
}

function whyOf({ held, hold, paused }: NonNullable<Lane['status']>): string {
  if (held?.reason === 'gathering') return `${held.reason}. ${held.remedy}`; // It lasts whatever else ends.
  if (paused) return `Paused${paused.by ? ` by ${paused.by}` : ''}${paused.reason ? `: ${paused.reason}` : ''}`;
  if (hold) return `${hold.error.name}. ${hold.error.remedy}`;
  return held ? `${held.reason}. ${held.remedy}` : '';
}
