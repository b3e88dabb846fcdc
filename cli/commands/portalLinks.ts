import { type Command, Option } from 'commander';
import { z } from 'zod';
import { permissions } from '../../domain/permission.ts';
import { madePortalLinkSchema, type PortalLink, portalLinksSchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import { jsonOption, limitOption, onceKey } from '../options.ts';
import { countOf, jsonOf, plain, tableOf, timeOf } from '../output.ts';
import { listed } from '../pages.ts';

/** `causeway portal-link`, `portal-links list` and `… delete` */
export function portalLinkCommands(program: Command, { io, api }: Context): void {
  program
    .command('portal-link')
    .description('a link that opens the dashboard narrowed to one customer, which goes to stdout, once')
    .argument('<customer>', 'their customerExternalId')
    .addOption(
      new Option('--permission <permission...>', 'what it lets them do beside reading').choices([...permissions]),
    )
    .addOption(new Option('--lifetime <seconds>', 'for how long it opens: 60 to 604800').default('3600'))
    .addOption(new Option('--name <name>', 'whom it is for, in histories and the audit trail'))
    .addOption(jsonOption())
    .action(async (customer: string, { permission = [], lifetime, name, json }: LinkOptions) => {
      const body = {
        ...{ customerExternalId: customer, permissions: [...new Set(['read', ...permission])] },
        // What is no number is for the API to refuse, which says what would be right.
        lifetimeSeconds: /^\d{1,9}$/.test(lifetime) ? Number(lifetime) : lifetime,
        ...(name !== undefined && { name }),
      };
      const made = await (await api()).post('/v1/portal-links', madePortalLinkSchema, body, onceKey());
      io.out(json ? jsonOf(made) : `${made.url}\n`);
      if (!json)
        io.err(
          `That is ${made.id}: ${made.permissions.join(', ')}, until ${timeOf(made.expiresAt)}. It is not shown again.\n`,
        );
    });
  const links = program.command('portal-links').description('links by which customers come to what is theirs');
  links
    .command('list')
    .description('the newest first, those that are over too for 30 days')
    .addOption(new Option('--customer <id>', 'only those of this customer'))
    .addOption(limitOption('links', 100))
    .addOption(jsonOption())
    .action(async ({ customer, limit, json }: { customer?: string; limit: number; json?: true }) => {
      const filter = customer === undefined ? '' : `&customerExternalId=${encodeURIComponent(customer)}`;
      const { entries: found, isMore } = await listed(await api(), {
        ...{ path: '/v1/portal-links', filter, limit, schema: portalLinksSchema },
        entriesIn: (page) => page.portalLinks,
      });
      if (json) return io.out(jsonOf({ portalLinks: found, isMore }));
      const rows = found.map((one) => [
        ...[one.id, one.customerExternalId, plain(one.name ?? '-'), one.permissions.join(', '), stateOf(one)],
      ]);
      if (rows.length > 0) io.out(tableOf(['ID', 'CUSTOMER', 'NAME', 'PERMISSIONS', 'STATE'], rows));
      io.err(`${countOf(found.length, 'link')}${isMore ? ', and there are more: raise --limit' : ''}.\n`);
    });
  links
    .command('delete')
    .description('a link opens nothing any more, and who came by it is signed out')
    .argument('<link>', 'its id: plk_…')
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: true }) => {
      await (await api()).delete(linkPath(id), z.unknown());
      io.out(json ? jsonOf({ id }) : `${id} opens nothing any more.\n`);
    });
}

type LinkOptions = { permission?: string[]; lifetime: string; name?: string; json?: true };

function stateOf({ deletedAt, expiresAt }: PortalLink): string {
  if (deletedAt !== undefined) return `deleted ${timeOf(deletedAt)}`;
  return `${Date.parse(expiresAt) <= Date.now() ? 'over since' : 'opens until'} ${timeOf(expiresAt)}`;
}

function linkPath(id: string): string {
  if (/^plk_[\w-]+$/.test(id)) return `/v1/portal-links/${id}`;
  throw new CliFailure(
    'usage',
    'argument_invalid',
    `"${id}" is no portal link's id: plk_… as \`causeway portal-links list\` shows it.`,
  );
}
