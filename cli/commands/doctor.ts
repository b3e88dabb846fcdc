import type { Command } from 'commander';
import { z } from 'zod';
import { version as ownVersion } from '../../activities/version.ts';
import { clockOffMs, clockOffMsMax } from '../../domain/clocks.ts';
import type { Api } from '../api.ts';
import type { Context } from '../context.ts';
import { CliFailure, type Exit } from '../failure.ts';
import { jsonOption } from '../options.ts';
import { jsonOf, tableOf } from '../output.ts';

const checkSchema = z.object({
  name: z.string(),
  status: z.enum(['ok', 'warning', 'failing']),
  detail: z.string(),
  remedy: z.string().optional(),
});
type Check = z.output<typeof checkSchema>;
const checksSchema = z.looseObject({
  version: z.string(),
  now: z.string(),
  tookMs: z.number(),
  checks: z.array(checkSchema),
});

/** `causeway doctor` */
export function doctorCommand(program: Command, context: Context): void {
  const { io } = context;
  program
    .command('doctor')
    .description('checks the API and all that it stands on, with what mends each')
    .addOption(jsonOption())
    .action(async ({ json }: { json?: true }) => {
      const { checks, exit } = await examined(context);
      if (json) io.out(jsonOf({ checks }));
      else
        io.out(
          tableOf(
            ['CHECK', 'STATUS', 'FOUND', 'REMEDY'],
            checks.map((check) => rowOf(check)),
          ),
        );
      const failed = checks.filter(({ status }) => status === 'failing').map(({ name }) => name);
      if (failed.length > 0) throw new CliFailure(exit, 'checks_failed', `Not well: ${failed.join(', ')}.`);
    });
}

const rowOf = ({ name, status, detail, remedy }: Check): string[] => [name, status, detail, remedy ?? ''];

async function examined({ api }: Context): Promise<{ checks: Check[]; exit: Exit }> {
  try {
    const at = await api();
    const askedMs = Date.now();
    const found = await at.get('/v1/checks', checksSchema);
    const answeredMs = Date.now() - found.tookMs;
    const offMs = clockOffMs(Date.parse(found.now), { askedMs, answeredMs });
    const own: Check[] = [
      { name: 'api', status: 'ok', detail: `${at.url} answers and knows the key` },
      versionCheck(found.version),
      clockCheck(offMs),
    ];
    return { checks: [...own, ...found.checks], exit: 'failure' };
  } catch (error) {
    if (!(error instanceof CliFailure) || error.code === 'stopped') throw error;
    const checks = error.exit === 'unreachable' ? await healthChecks(await api(), error) : undefined;
    if (checks) return { checks, exit: 'failure' };
    const remedy = error.exit === 'unauthorised' ? 'Set CAUSEWAY_API_KEY.' : 'Set CAUSEWAY_API, or start the API.';
    return { checks: [{ name: 'api', status: 'failing', detail: error.message, remedy }], exit: error.exit };
  }
}

/** Of an API that answers, and can't look at the key since what it stands on does not. Undefined where it does not answer either. */
async function healthChecks(at: Api, refusal: CliFailure): Promise<Check[] | undefined> {
  const askedMs = Date.now();
  const health = await at.health().catch(() => undefined);
  if (!health) return undefined;
  const detail = `${at.url} answers, and does nothing else now: ${refusal.message}`;
  const rows = Object.entries(health.checks).map(([name, status]): Check => {
    if (status === 'ok') return { name, status, detail: 'it answers the API' };
    return { name, status, detail: 'it does not answer the API', remedy: remedies[name] ?? `See that ${name} is up.` };
  });
  const isAllThere = rows.every(({ status }) => status === 'ok');
  const remedy = isAllThere ? 'Run this once more.' : 'Mend what else is failing here.';
  const offMs = health.at === null ? 0 : clockOffMs(Date.parse(health.at), { askedMs, answeredMs: Date.now() });
  return [{ name: 'api', status: 'failing', detail, remedy }, clockCheck(offMs), ...rows];
}

const remedies: Readonly<Record<string, string>> = {
  store: 'See that Postgres is up, and DATABASE_URL of the API is right.',
  temporal: 'See that Temporal is up, and TEMPORAL_ADDRESS of the API is right.',
};

const versionCheck = (version: string): Check =>
  version === ownVersion
    ? { name: 'version', status: 'ok', detail: version }
    : {
        ...{ name: 'version', status: 'warning', detail: `the API has ${version}, this command ${ownVersion}` },
        remedy: 'Use the causeway of the same version: what is new on one side the other does not know.',
      };

const clockCheck = (offMs: number): Check =>
  offMs <= clockOffMsMax
    ? { name: 'clock', status: 'ok', detail: "this machine's and the API's agree" }
    : {
        ...{
          name: 'clock',
          status: 'warning',
          detail: `this machine's and the API's differ by ${Math.round(offMs / 1000)} s`,
        },
        remedy: 'Have both set by NTP: linger and the dedup window count from the time of acceptance.',
      };
