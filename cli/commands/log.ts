import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type EventLog, eventLogSchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { checkedEventId, jsonOption } from '../options.ts';
import { jsonOf } from '../output.ts';
import { timeLines } from '../timeLine.ts';

const everyMs = 1_000;
/** In these nothing happens any more, unless a person replays it. */
const settled = new Set(['delivered', 'discarded', 'parked', 'expired']);

/** `causeway log <event>` */
export function logCommand(program: Command, { io, api }: Context): void {
  program
    .command('log')
    .description('the time line of an event: every attempt to deliver it, with its outcome')
    .argument('<event>', 'its id: evt_…')
    .addOption(new Option('--follow', 'go on until each delivery is delivered, parked or discarded'))
    .addOption(jsonOption())
    .action(async (id: string, { follow, json }: { follow?: true; json?: true }) => {
      const path = `/v1/events/${checkedEventId(id)}`;
      const from = await api();
      const show = (log: EventLog, shown: ReadonlySet<string>): string[] => {
        if (json) return follow ? [JSON.stringify(log)] : [jsonOf(log).trimEnd()];
        return timeLines(log).filter((line) => !shown.has(line));
      };
      const shown = new Set<string>();
      for (;;) {
        const log = await from.get(path, eventLogSchema);
        for (const line of show(log, shown)) {
          if (!shown.has(line)) io.out(`${line}\n`);
          shown.add(line);
        }
        if (!follow || log.deliveries.every(({ status }) => settled.has(status))) return;
        await sleep(everyMs, undefined, { signal: io.stop }).catch(() => undefined);
        if (io.stop.aborted) return;
      }
    });
}
