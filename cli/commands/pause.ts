import type { Command } from 'commander';
import { pausingSchema } from '../answers.ts';
import type { Context } from '../context.ts';
import {
  byOption,
  destinationPath,
  jsonOption,
  laneOption,
  type NoteOptions,
  noteOf,
  onceKey,
  reasonOption,
} from '../options.ts';
import { jsonOf, plain } from '../output.ts';

/** `causeway pause` and `… resume` */
export function pauseCommands(program: Command, context: Context): void {
  pausing(program, context, 'pause', 'send nothing for now; events are accepted, and wait in order');
  pausing(program, context, 'resume', 'go on after a pause, or try a suspended lane again');
}

function pausing(program: Command, { io, api }: Context, signal: 'pause' | 'resume', description: string): void {
  program
    .command(signal)
    .description(description)
    .argument('<destination>', 'its id: dst_…')
    .addOption(laneOption('this lane alone'))
    .addOption(reasonOption())
    .addOption(byOption())
    .addOption(jsonOption())
    .action(async (id: string, options: NoteOptions & { lane?: string; json?: true }) => {
      const { lane, json } = options;
      const body = { ...(lane !== undefined && { lane }), ...noteOf(options) };
      const done = await (await api()).post(`${destinationPath(id)}/${signal}`, pausingSchema, body, onceKey());
      if (json) return io.out(jsonOf(done));
      const what = lane === undefined ? `Destination ${id}` : `Lane ${plain(lane)}`;
      io.out(`${what} ${signal === 'pause' ? 'is paused' : 'goes on'}.\n`);
    });
}
