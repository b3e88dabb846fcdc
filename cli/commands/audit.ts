import { type Command, Option } from 'commander';
import { type AuditEntry, auditPageSchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { jsonOption, limitOption } from '../options.ts';
import { countOf, jsonOf, plain, tableOf, timeOf } from '../output.ts';
import { listed } from '../pages.ts';

/** `causeway audit` */
export function auditCommand(program: Command, { io, api }: Context): void {
  program
    .command('audit')
    .description('who changed what, when and from where, the newest first')
    .addOption(new Option('--subject <id>', 'only what was done to this: dst_…, rpl_…, key_… or plk_…'))
    .addOption(new Option('--key-id <id>', 'only what was done with this API key: key_…'))
    .addOption(limitOption('entries', 100))
    .addOption(jsonOption())
    .action(async ({ subject, keyId, limit, json }: AuditOptions) => {
      const filter = filterOf({ subject, keyId });
      const { entries: found, isMore } = await listed(await api(), {
        ...{ path: '/v1/audit', filter, limit, schema: auditPageSchema },
        entriesIn: (page) => page.entries,
      });
      if (json) return io.out(jsonOf({ entries: found, isMore }));
      if (found.length > 0) io.out(tableOf(heads, found.map(rowOf)));
      const exactly = found.length === 0 && filter !== '';
      const spelled = exactly ? ' Ids are compared letter by letter: see that they are spelled so.' : '';
      io.err(
        `${countOf(found.length, 'entry', 'entries')}${isMore ? ', and there are more: raise --limit' : ''}.${spelled}\n`,
      );
    });
}

type AuditOptions = { subject?: string; keyId?: string; limit: number; json?: true };

const heads = ['AT', 'ACTION', 'SUBJECT', 'BY', 'FROM', 'DETAIL'];

const filterOf = (query: Record<string, string | undefined>): string =>
  Object.entries(query)
    .flatMap(([name, value]) => (value === undefined ? [] : [`&${name}=${encodeURIComponent(value)}`]))
    .join('');

const rowOf = ({ at, action, subject, by, detail }: AuditEntry): string[] => [
  ...[timeOf(at), action, subject],
  `${by.keyId === undefined ? by.name : `${by.name} (${by.keyId})`}${by.via === undefined ? '' : `, ${by.via}`}`,
  ...[by.address ?? '-', detailOf(detail)],
];

/** `version=3 fields=brokers,auth.password`: what is in it depends on the action, and new ones come. */
const detailOf = (detail: Record<string, unknown>): string =>
  Object.entries(detail)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(' ');

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(',');
  return typeof value === 'string' ? plain(value) : JSON.stringify(value);
}
