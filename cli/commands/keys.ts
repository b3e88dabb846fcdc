import { type Command, Option } from 'commander';
import { scopes } from '../../domain/scope.ts';
import { type ApiKey, apiKeySchema, apiKeysSchema, type MadeApiKey, madeApiKeySchema } from '../answers.ts';
import type { Context } from '../context.ts';
import { CliFailure } from '../failure.ts';
import { jsonOption, limitOption, onceKey } from '../options.ts';
import { countOf, jsonOf, plain, tableOf, timeOf } from '../output.ts';
import { listed } from '../pages.ts';

/** `causeway keys list`, `… create`, `… rotate` and `… revoke` */
export function keyCommands(program: Command, { io, api }: Context): void {
  const keys = program.command('keys').description('API keys: who may ask what');
  keys
    .command('list')
    .description('the newest first, those that hold no more too')
    .addOption(limitOption('keys', 100))
    .addOption(jsonOption())
    .action(async ({ limit, json }: { limit: number; json?: true }) => {
      const { entries: found, isMore } = await listed(await api(), {
        ...{ path: '/v1/api-keys', limit, schema: apiKeysSchema },
        entriesIn: (page) => page.apiKeys,
      });
      if (json) return io.out(jsonOf({ apiKeys: found, isMore }));
      const rows = found.map((one) => [one.id, one.name, one.scopes.join(', '), usedIn(one), stateOf(one)]);
      if (rows.length > 0) io.out(tableOf(['ID', 'NAME', 'SCOPES', 'LAST USED', 'STATE'], rows));
      io.err(`${countOf(found.length, 'key')}${isMore ? ', and there are more: raise --limit' : ''}.\n`);
    });
  keys
    .command('create')
    .description('a new key, which goes to stdout, once')
    .requiredOption('--name <name>', 'who has it')
    .addOption(new Option('--scope <scope...>', 'what it may do').choices([...scopes]).makeOptionMandatory())
    .addOption(new Option('--expires <time>', 'when it ends: 2030-01-15T09:30:00Z'))
    .addOption(new Option('--rate <n>', 'how many requests it may make in a second'))
    .addOption(jsonOption())
    .action(async ({ name, scope, expires, rate, json }: CreateOptions) => {
      const body = {
        ...{ name, scopes: [...new Set(scope)] },
        ...(expires !== undefined && { expiresAt: expires }),
        ...(rate !== undefined && { requestsPerSecond: numberIn(rate) }),
      };
      showMade(io, json, await (await api()).post('/v1/api-keys', madeApiKeySchema, body, onceKey()));
    });
  keys
    .command('rotate')
    .description('a new secret for a key, which goes to stdout, once; the one before holds for a while yet')
    .argument('<key>', 'its id: key_…')
    .addOption(
      new Option('--overlap <seconds>', 'for how long the one before holds; 0 where others may have it').default(
        '86400',
      ),
    )
    .addOption(jsonOption())
    .action(async (id: string, { overlap, json }: { overlap: string; json?: true }) => {
      const body = { overlapSeconds: numberIn(overlap) };
      showMade(io, json, await (await api()).post(`${keyPath(id)}/rotate`, madeApiKeySchema, body, onceKey()));
    });
  keys
    .command('revoke')
    .description('a key opens nothing any more, within a second and for good')
    .argument('<key>', 'its id: key_…')
    .addOption(new Option('--yes', 'do not ask'))
    .addOption(jsonOption())
    .action(async (id: string, { yes, json }: { yes?: true; json?: true }) => {
      const path = keyPath(id);
      if (!yes) await confirmed(io, id);
      const revoked = await (await api()).delete(path, apiKeySchema);
      io.out(json ? jsonOf(revoked) : `Key ${plain(revoked.name)} (${id}) opens nothing any more.\n`);
    });
}

type CreateOptions = { name: string; scope: string[]; expires?: string; rate?: string; json?: true };

/** What is none is for the API to refuse, which says what would be right. */
const numberIn = (text: string): number | string => (/^\d{1,9}$/.test(text) ? Number(text) : text);

/** The key alone goes to stdout, for a script to take. */
function showMade(io: Context['io'], json: true | undefined, made: MadeApiKey): void {
  io.out(json ? jsonOf(made) : `${made.key}\n`);
  const until = made.earlierUntil === undefined ? '' : ` The one before holds until ${timeOf(made.earlierUntil)}.`;
  if (!json)
    io.err(`That is ${made.id}, ${plain(made.name)}: ${made.scopes.join(', ')}. It is not shown again.${until}\n`);
}

const usedIn = ({ lastUsedAt }: ApiKey): string => (lastUsedAt === undefined ? 'never' : timeOf(lastUsedAt));

function stateOf({ revokedAt, expiresAt }: ApiKey): string {
  if (revokedAt !== undefined) return `revoked ${timeOf(revokedAt)}`;
  if (expiresAt === undefined) return 'holds';
  return `${Date.parse(expiresAt) <= Date.now() ? 'expired' : 'holds until'} ${timeOf(expiresAt)}`;
}

function keyPath(id: string): string {
  if (/^key_[0-9a-f]+$/.test(id)) return `/v1/api-keys/${id}`;
  throw new CliFailure(
    'usage',
    'argument_invalid',
    `"${id}" is no API key's id: key_… as \`causeway keys list\` shows it.`,
  );
}

async function confirmed(io: Context['io'], id: string): Promise<void> {
  const answer = await io.ask(`Revoke ${id}? What has it is refused from then on. Type yes: `);
  if (answer === undefined) throw new CliFailure('usage', 'not_confirmed', 'Nobody is there to ask: add --yes.');
  if (answer.trim().toLowerCase() !== 'yes') throw new CliFailure('failure', 'not_confirmed', 'Nothing was changed.');
}
