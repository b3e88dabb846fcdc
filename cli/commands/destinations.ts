import { type Command, Option } from 'commander';
import { connectionTestSchema, type Destination, destinationSchema, destinationsSchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import { destinationPath, jsonOption, limitOption, onceKey } from '../options.ts';
import { countOf, jsonOf, pairsOf, plain, tableOf, timeOf } from '../output.ts';
import { listed } from '../pages.ts';

/** `causeway destinations list`, `… show` and `… test` */
export function destinationCommands(program: Command, { io, api }: Context): void {
  const destinations = program.command('destinations').description("customers' topics");
  destinations
    .command('list')
    .description('the newest first')
    .addOption(new Option('--customer <id>', 'only those of this customer (customerExternalId)'))
    .addOption(limitOption('destinations', 100))
    .addOption(jsonOption())
    .action(async ({ customer, limit, json }: { customer?: string; limit: number; json?: true }) => {
      const filter = customer === undefined ? '' : `&customerExternalId=${encodeURIComponent(customer)}`;
      const { entries: found, isMore } = await listed(await api(), {
        ...{ path: '/v1/destinations', filter, limit, schema: destinationsSchema },
        entriesIn: (page) => page.destinations,
      });
      if (json) return io.out(jsonOf({ destinations: found, isMore }));
      const rows = found.map((one) => [
        ...[one.id, one.customerExternalId, one.name, one.topic, one.eventTypes.join(', '), stateOf(one)],
      ]);
      if (rows.length > 0) io.out(tableOf(['ID', 'CUSTOMER', 'NAME', 'TOPIC', 'EVENT TYPES', 'STATE'], rows));
      const exactly = found.length === 0 && customer !== undefined;
      const spelled = exactly ? ` ${plain(customer)} is compared letter by letter: see that it is spelled so.` : '';
      io.err(
        `${countOf(found.length, 'destination')}${isMore ? ', and there are more: raise --limit' : ''}.${spelled}\n`,
      );
    });
  destinations
    .command('show')
    .description('one destination, without its secrets')
    .argument('<destination>', 'its id: dst_…')
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: true }) => {
      const found = await (await api()).get(destinationPath(id), destinationSchema);
      io.out(json ? jsonOf(found) : pairsOf(pairsIn(found)));
    });
  destinations
    .command('test')
    .description(
      'whether events can be delivered to one now, step by step; nothing is written unless that is asked for',
    )
    .argument('<destination>', 'its id: dst_…')
    .addOption(new Option('--send-event', 'write a test event to the topic, last'))
    .addOption(jsonOption())
    .action(async (id: string, { sendEvent, json }: { sendEvent?: true; json?: true }) => {
      const path = `${destinationPath(id)}/test`;
      const body = { sendTestEvent: sendEvent === true };
      const { passed, steps } = await (await api()).post(path, connectionTestSchema, body, onceKey());
      const rows = steps.map(({ step, broker = '', outcome, durationMs, detail = '', error }) => [
        ...[step, broker, outcome, String(durationMs), error ? `${error.name}: ${error.message}` : detail],
        error?.remedy ?? '',
      ]);
      io.out(json ? jsonOf({ passed, steps }) : tableOf(['STEP', 'BROKER', 'OUTCOME', 'MS', 'FOUND', 'REMEDY'], rows));
      if (!passed) throw new CliFailure('failure', 'connection_test_failed', 'Events can not be delivered to it now.');
    });
}

function stateOf({ enabled, paused }: Destination): string {
  if (!enabled) return 'disabled';
  return paused ? `paused since ${timeOf(paused.since)} by ${paused.by}` : 'enabled';
}

/** Every setting, by its path: what the API shows, whatever that is. */
const pairsIn = (value: object, before = ''): [string, string][] =>
  Object.entries(value).flatMap(([name, inner]): [string, string][] => {
    const path = `${before}${name}`;
    if (Array.isArray(inner)) return [[path, inner.join(', ')]];
    if (typeof inner === 'object' && inner !== null) return pairsIn(inner, `${path}.`);
    return [[path, String(inner)]];
  });
