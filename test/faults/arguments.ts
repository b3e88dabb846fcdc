import { parseArgs } from 'node:util';
import { type Fault, type FaultAuth, type FaultClient, type Form, faultAuths, faultClients } from './fault.ts';
import { faults } from './faults/index.ts';

export type FaultArguments = {
  form: Form;
  faults: readonly Fault[];
  /** How the brokers are told who we are. */
  auth: FaultAuth;
  client: FaultClient;
  /** Settings of Temporal's server beside the usual ones, by name. */
  server: Readonly<Record<string, string>>;
  /** Where the figures are written, as JSON. */
  out: string | undefined;
  /** Only make the page of the figures that lie in test/faults/results. */
  page: boolean;
};

export const usage = `Usage: npm run test:faults -- [arguments]

  --short         each fault once or twice: some minutes
  --only a,b      only these faults:
${faults.map(({ name, title }) => `                    ${name}: ${title}`).join('\n')}
  --auth x        how the brokers are told who we are: none (default), scram or mtls, both over TLS
  --client x      what is under the worker's producers: kafkajs (default), or platformatic, which bench/clients has
  --server x=y    a setting of Temporal's server (dynamic config), the value as JSON; may be given again
  --out x.json    also write the figures to this file
  --page          run nothing: make docs/reliability.md of the figures in test/faults/results
  --help          show this`;

/** What is wrong with the arguments, for the person who typed them. */
export class WrongArgument extends Error {
  override readonly name = 'WrongArgument';
}

const options = {
  short: { type: 'boolean' },
  only: { type: 'string' },
  auth: { type: 'string' },
  client: { type: 'string' },
  server: { type: 'string', multiple: true },
  out: { type: 'string' },
  page: { type: 'boolean' },
  help: { type: 'boolean' },
} as const;

function parsed(given: readonly string[]) {
  try {
    return parseArgs({ args: [...given], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new WrongArgument(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
}

/** Reads the arguments; `'help'` where help is asked for. Throws {@link WrongArgument}, which says what would be right. */
export function readArguments(given: readonly string[]): FaultArguments | 'help' {
  const { short = false, only, auth, client, server, out, page = false, help = false } = parsed(given);
  if (help) return 'help';
  return {
    form: short ? 'short' : 'full',
    faults: faultsFrom(only),
    auth: authFrom(auth),
    client: clientFrom(client),
    server: settingsFrom(server),
    out,
    page,
  };
}

/** The faults of these names, in the order in which they are run; all where none is named. */
export function faultsFrom(text: string | undefined): readonly Fault[] {
  if (text === undefined) return faults;
  const wanted = text.split(',').map((name) => name.trim());
  const wrong = wanted.filter((name) => !faults.some((fault) => fault.name === name));
  if (wrong.length > 0) {
    const names = faults.map(({ name }) => name).join(', ');
    throw new WrongArgument(
      `--only names ${wrong.map((name) => `"${name}"`).join(', ')}, which is no fault. Give some of ${names}.`,
    );
  }
  return faults.filter(({ name }) => wanted.includes(name));
}

function authFrom(text = 'none'): FaultAuth {
  const auth = faultAuths.find((name) => name === text);
  if (auth === undefined) {
    throw new WrongArgument(
      `--auth is "${text}", which is no way to authenticate. Give one of ${faultAuths.join(', ')}.`,
    );
  }
  return auth;
}

function clientFrom(text = 'kafkajs'): FaultClient {
  const client = faultClients.find((name) => name === text);
  if (client === undefined) {
    throw new WrongArgument(`--client is "${text}", which is no client. Give one of ${faultClients.join(', ')}.`);
  }
  return client;
}

/** Temporal takes a value as JSON, and does not start with another one. */
function settingsFrom(texts: readonly string[] = []): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const text of texts) {
    const [, name, value] = /^([^=\s]+)=(.+)$/.exec(text) ?? [];
    if (name === undefined || value === undefined || !isJson(value)) {
      throw new WrongArgument(
        `--server is "${text}", which is no setting. Give name=value, the value as JSON: system.enableActivityEagerExecution=true.`,
      );
    }
    settings[name] = value;
  }
  return settings;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
