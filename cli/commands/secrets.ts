import type { Command } from 'commander';
import { readStoreConfig } from '../../domain/config.ts';
import { CausewayError } from '../../domain/error.ts';
import type { ResealReport } from '../../store/reseal.ts';
import { readSecretKeys } from '../../store/secretKeys.ts';
import { openStore, type Store } from '../../store/store.ts';
import type { Context } from '../context.ts';
import { CliFailure, type Exit } from '../failure.ts';
import { jsonOption } from '../options.ts';
import { countOf, jsonOf, plain } from '../output.ts';

const help = `
It works on the store itself, not over the API: it reads DATABASE_URL and the key ring (CAUSEWAY_SECRET_KEYS, …_FILE or
…_COMMAND) from the environment, as the API does. docs/decisions/sealing.md says how to move to a new key.`;

const forgetHelp = `
It works on the store itself, as \`causeway secrets reseal\` does. An API or worker whose CAUSEWAY_PAYLOAD_KEYS lack a key that has
encrypted payloads does not start; of a key that is forgotten none is asked any more. What in Temporal needs it can be read by nobody
then: docs/operations.md says how to see that nothing does.`;

/** `causeway secrets reseal` and `causeway secrets forget-payload-key` */
export function secretCommands(program: Command, { io }: Pick<Context, 'io'>): void {
  const secrets = program.command('secrets').description('the keys that seal credentials and encrypt payloads');
  secrets
    .command('forget-payload-key')
    .description('let API and workers start without a key that has encrypted payloads in Temporal')
    .argument('<id>', "the key's id in CAUSEWAY_PAYLOAD_KEYS")
    .addHelpText('after', forgetHelp)
    .addOption(jsonOption())
    .action(async (id: string, { json }: { json?: true }) => {
      const left = await withStore(io.env, async ({ payloadKeys }) => {
        await payloadKeys.forget(id);
        return await payloadKeys.list();
      });
      const ids = left.map(({ keyId }) => `"${plain(keyId)}"`).join(', ');
      io.out(json ? jsonOf({ left }) : `Forgotten. Keys that have encrypted payloads: ${ids || 'none'}.\n`);
    });
  secrets
    .command('reseal')
    .description("seal every stored credential with the key ring's first key, while Causeway runs")
    .addHelpText('after', help)
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const report = await withStore(io.env, (store) =>
        store.reseal((done) => {
          if (io.isTerminal) io.err(`\r${countOf(done, 'destination')}`);
        }),
      );
      if (io.isTerminal && report.destinations > 0) io.err('\n');
      io.out(json ? jsonOf(report) : textOf(report));
      if (report.unreadable.length > 0) {
        const remedy = `${countOf(report.unreadable.length, 'secret')} can't be opened with any key: set them anew.`;
        throw new CliFailure('failure', 'secret_unreadable', remedy);
      }
    });
}

async function withStore<T>(env: Context['io']['env'], use: (store: Store) => Promise<T>): Promise<T> {
  try {
    const config = readStoreConfig(env);
    const store = await openStore({ databaseUrl: config.DATABASE_URL, secretKeys: await readSecretKeys(config) });
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (!(error instanceof CausewayError)) throw error;
    const exit = exits.get(error.code) ?? 'failure';
    throw new CliFailure(exit, error.code, error.remedy, { cause: error });
  }
}

const exits = new Map<string, Exit>([
  ['configuration_invalid', 'usage'],
  ['secret_keys_unreadable', 'usage'],
  ['store_unreachable', 'unreachable'],
]);

function textOf({ destinations, secrets, unreadable, inUse }: ResealReport): string {
  const lines = [`Sealed anew: ${countOf(secrets, 'secret')} of ${countOf(destinations, 'destination')}.`];
  for (const { keyId, secrets: n } of inUse) lines.push(`Key "${plain(keyId)}" seals ${countOf(n, 'secret')}.`);
  for (const { destinationId, field } of unreadable) lines.push(`Can't be opened: ${field} of ${destinationId}.`);
  return `${lines.join('\n')}\n`;
}
