import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajs, { type Admin } from 'kafkajs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventLog } from '../../api/schemas/eventLog.ts';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import type { StackAddresses } from '../../dev/stack/addresses.ts';
import { blocksIn } from '../harness/guide.ts';
import { family, listeningAddresses, living } from '../harness/processes.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { until } from '../harness/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const minuteMs = 60_000;
const apiPort = 8080;
/** Of this clone, which may have a stack of its own, as of the machine. */
const notCopied = new Set(['.git', '.causeway', 'node_modules']);
const given = ['TEMPORAL_ADDRESS', 'KAFKA_BROKERS', 'DATABASE_URL', 'TEMPORAL_TASK_QUEUE'];

type Start = { child: ChildProcess; pid: number; printed: () => string; exited: Promise<number | null> };

let dir: string;

/** `npm start` in a clone whose packages are installed already. */
const npmStart = (): Start => run('npm', ['start']);

function run(command: string, args: string[], more: Record<string, string> = {}): Start {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !given.includes(name)));
  const child = spawn(command, args, { cwd: dir, env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  return { child, pid: child.pid ?? 0, printed: () => text, exited };
}

async function untilUp(start: Start): Promise<void> {
  const isOver = (text: string) => /^Up in |could not start/m.test(text);
  const text = await until('npm start to be up', start.printed, isOver, 3 * minuteMs);
  expect(text).toMatch(/^Up in /m);
}

/** The one process of a stack whose command line holds this. */
async function memberOf(start: Start, text: string): Promise<number> {
  const [found, ...others] = (await family(start.pid)).filter(({ args }) => args.includes(text));
  expect(others).toEqual([]);
  return found?.pid ?? 0;
}

const stackFile = async (): Promise<StackAddresses> =>
  JSON.parse(await readFile(join(dir, '.causeway/stack.json'), 'utf8'));

/** Holds the port that the API would take, or sees that somebody else does. */
async function holdApiPort(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.once('error', () => resolve()).listen({ port: apiPort, host: '127.0.0.1' }, resolve);
  });
  return server;
}

/** What the stack's API answers. */
async function get(path: string): Promise<unknown> {
  const { api, apiKey } = await stackFile();
  const answer = await fetch(api + path, { headers: { authorization: `Bearer ${apiKey}` } });
  expect(answer.status).toBe(200);
  return answer.json();
}

/** Sends an event, and waits until it is delivered to each of its destinations. */
async function deliveredEverywhere(event: unknown): Promise<Pick<EventLog, 'deliveries'>> {
  const { api, apiKey } = await stackFile();
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const answer = await fetch(`${api}/v1/events`, { method: 'POST', headers, body: JSON.stringify(event) });
  expect(answer.status).toBe(202);
  const { id } = (await answer.json()) as { id: string }; // What a 202 holds.
  const log = async () => (await get(`/v1/events/${id}`)) as EventLog; // What the route answers.
  const isDelivered = ({ deliveries }: EventLog) => deliveries.every(({ status }) => status === 'delivered');
  return until('the event to be delivered everywhere', log, isDelivered, minuteMs);
}

/** What it says itself. */
const upAfterS = ({ printed }: Start): number => Number(/^Up in ([\d.]+) s/m.exec(printed())?.[1]);

let start: Start;
let portHolder: Server;

beforeAll(async () => {
  portHolder = await holdApiPort();
  dir = await mkdtemp(join(sharedServers().dir, 'clone-'));
  await chmod(dir, 0o711); // Postgres may run as another user.
  const names = (await readdir(root)).filter((name) => !notCopied.has(name));
  for (const name of names) await cp(join(root, name), join(dir, name), { recursive: true });
  await symlink(join(root, 'node_modules'), join(dir, 'node_modules'));
  start = npmStart();
  await untilUp(start);
}, 4 * minuteMs);

afterAll(async () => {
  start.child.kill('SIGINT');
  await start.exited;
  portHolder.close();
  await rm(dir, { recursive: true, force: true });
});

test('npm start says where everything answers, and prints the record of an event that it delivered', async () => {
  const { api, apiKey, kafkaBrokers, customerKafka, databaseUrl, ...rest } = await stackFile();
  expect(Object.keys(rest).sort()).toEqual(['temporalAddress', 'temporalNamespace', 'temporalUi']);
  expect(kafkaBrokers).toEqual([expect.stringMatching(/^127\.0\.0\.1:\d+$/)]);
  expect(databaseUrl).toMatch(/^postgres:/);
  const { sasl = '', mutualTls = '', tokenEndpoint = '' } = customerKafka ?? {};
  for (const where of [sasl, mutualTls, tokenEndpoint]) {
    expect(where).toContain('127.0.0.1:');
    expect(start.printed()).toContain(where);
  }

  const health = await fetch(`${api}/healthz`);
  expect(health.status).toBe(200);
  const destinations = await fetch(`${api}/v1/destinations?customerExternalId=acct_8K2zRq`, {
    headers: { authorization: `Bearer ${apiKey}` },
  });
  expect(await destinations.json()).toMatchObject({ destinations: [{ topic: 'pushrail.events.v1' }] });
  expect(start.printed()).toContain('its record read back from Kafka, topic pushrail.events.v1');
  expect(start.printed()).toMatch(/^ {2}at +partition \d, offset 0$/m);
  expect(start.printed()).toContain(`curl -sS ${api}/v1/events`);
});

test('a port that is busy is replaced by another one, which npm start says and stack.json has', async () => {
  const said = /^Port 8080 is busy: the API uses (\d+) instead\.$/m.exec(start.printed());
  expect((await stackFile()).api).toBe(`http://127.0.0.1:${said?.[1]}`);
});

test.runIf(process.platform === 'linux')('all that npm start brings up listens on loopback alone', async () => {
  const pids = (await family(start.pid)).map(({ pid }) => pid);
  const addresses = await listeningAddresses(pids);
  // API, Temporal, its UI, Kafka, its controller, Postgres; Temporal has more.
  expect(addresses.length).toBeGreaterThanOrEqual(6);
  expect(new Set(addresses)).toEqual(new Set(['0100007F', '0000000000000000FFFF00000100007F']));
});

test('npm start starts API and worker again when they are killed', async () => {
  const killed = await Promise.all(['api/main.ts', 'worker/main.ts'].map((text) => memberOf(start, text)));
  for (const pid of killed) process.kill(pid, 'SIGKILL');
  await until(
    'both to be up again',
    start.printed,
    (text) => text.match(/(API|worker) is up again/g)?.length === 2,
    minuteMs,
  );
  const anew = await Promise.all(['api/main.ts', 'worker/main.ts'].map((text) => memberOf(start, text)));
  expect(anew.every((pid) => pid > 0 && !killed.includes(pid))).toBe(true);
  const { api } = await stackFile();
  expect((await fetch(`${api}/healthz`)).status).toBe(200);
});

test('a second npm start in the same folder says that one runs, and leaves it alone', async () => {
  const second = npmStart();
  expect(await second.exited).toBe(1);
  expect(second.printed()).toContain('running from this folder already');
  const { api } = await stackFile();
  expect((await fetch(`${api}/healthz`)).status).toBe(200);
});

test('npm start killed by SIGKILL leaves nothing behind, and the next one goes on with its data, within 20 seconds', async () => {
  const before = (await family(start.pid)).map(({ pid }) => pid);
  expect(before.length).toBeGreaterThan(8);
  const id = /\bevt_[\w-]{22}/.exec(start.printed())?.[0];
  const log = await get(`/v1/events/${id}`);
  expect(log).toMatchObject({ id, deliveries: [{ status: 'delivered' }] });
  process.kill(start.pid, 'SIGKILL');
  await until(
    'all that it started to end',
    () => living(before),
    (left) => left.length === 0,
    minuteMs,
  );

  start = npmStart();
  await untilUp(start);
  // The topic has the record of the first start.
  expect(start.printed()).toMatch(/^ {2}at +partition \d, offset 1$/m);
  // So have Postgres, which knows where to look, and Temporal, which has the deliveries and attempts.
  expect(await get(`/v1/events/${id}`)).toEqual(log);
  // Which is promised; with a load of 5 on two cores it took 7 to 13 s, beside a test that keeps both busy 19 s.
  expect(upAfterS(start)).toBeLessThan(20);
});

test("the commands of the README's first screen and its section Use do what it says, as they stand there", async () => {
  const [, , ...firstScreen] = await blocksIn('README.md', 'Two commands'); // After npm start and npm test.
  const commands = [...firstScreen, ...(await blocksIn('README.md', 'Use'))];
  expect(commands.length).toBeGreaterThan(6);
  const shell = run('bash', ['-eo', 'pipefail', '-c', commands.join('\n')]);
  expect(await shell.exited, shell.printed()).toBe(0);
  expect(shell.printed()).not.toMatch(/"status":[45]\d\d/); // What is refused is an answer of a problem.
  expect(shell.printed()).toContain('newest records of pushrail.events.v1.');
  expect(shell.printed().match(/"id":"(evt|dst)_/g)?.length).toBeGreaterThanOrEqual(6);
});

/** Who may do what at the broker of the stack, besides its super users. */
async function acls(use: Admin): Promise<string[]> {
  const { resources } = await use.describeAcls(anyAcl);
  return resources.flatMap(({ resourceName, acls: rules }) =>
    rules.map(({ principal, operation }) => `${principal} ${operationNames.get(operation)} ${resourceName}`),
  );
}
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const operationNames = new Map(Object.entries(AclOperationTypes).map(([name, code]) => [code, name]));
const anyAcl = {
  resourceType: AclResourceTypes.ANY,
  resourcePatternType: ResourcePatternTypes.ANY,
  operation: AclOperationTypes.ANY,
  permissionType: AclPermissionTypes.ANY,
};

/** For a shell: the arguments of what it starts, which any user of the machine may see, are kept in a file. */
const notingArguments = ['curl', 'node', 'kafka-acls.sh']
  .map((name) => `${name}() { printf '%s\\n' "${name} $*" >> arguments; command ${name} "$@"; }`)
  .join('\n');

test("the examples of the README's Kafka section work as they stand on the Kafka of npm start, a principal each with WRITE on one topic", async () => {
  const [filledIn = '', shared = '', ...examples] = await blocksIn('README.md', "A customer's Kafka");
  const modeOf = (example: string): string => /\bmode"?: ?"(\w+)"/.exec(example)?.[1] ?? 'no mode';
  const modes = ['SASL_PLAIN', 'SASL_SCRAM_SHA_256', 'SASL_SCRAM_SHA_512', 'SASL_OAUTHBEARER', 'MTLS'];
  expect(examples.map(modeOf)).toEqual(modes);
  const { kafkaBrokers, customerKafka } = await stackFile();
  const admin = kafkaClient(kafkaBrokers).admin();
  await admin.connect();
  const names = ['causeway-plain', 'causeway-scram-256', 'causeway-scram-512', 'causeway-client', 'CN=causeway'];
  const granted = names.map((name) => `User:${name} WRITE ${customerKafka?.topic}`).toSorted();
  expect((await acls(admin)).toSorted()).toEqual(granted);
  // That each example's own command grants it again, and nothing else.
  await admin.deleteAcls({ filters: [anyAcl] });
  const fillsIn = await readFile(join(customerKafka?.folder ?? '', 'MTLS', 'fill-in.sh'), 'utf8');
  const blanks = filledIn.match(/\b[A-Z_]+(?==|\n)/g) ?? [];
  expect(blanks.filter((name) => !fillsIn.includes(`${name}=`))).toEqual([]);
  const asks = `${filledIn.trimEnd().split('\n').at(-1)}; printf %s "$SECRET"`;
  expect(execFileSync('bash', ['-ec', asks], { input: 's3"c\\ret\n' }).toString()).toMatch(/: s3"c\\ret$/);
  const ran = examples.map(async (example) => {
    const folder = join(customerKafka?.folder ?? '', modeOf(example));
    const begin = `cd ${folder}\n. ./fill-in.sh\n${notingArguments}\n${shared}`;
    const tested = `${example.trimEnd()} /test`; // The same destination, not saved.
    const shell = run('bash', ['-ec', [begin, tested, 'echo', example.trimEnd().split('\n').at(-1)].join('\n')]);
    expect(await shell.exited, shell.printed()).toBe(0);
    expect(shell.printed()).toContain('"passed":true');
    expect(shell.printed()).toMatch(/"id":"dst_/);
    const values = await readFile(join(folder, 'fill-in.sh'), 'utf8');
    const secrets = ['SECRET', 'KEY'].map((name) => new RegExp(`^${name}='(.{16,})'$`, 'm').exec(values)?.[1] ?? '');
    const noted = await readFile(join(folder, 'arguments'), 'utf8');
    expect(noted.match(/^curl .*\/v1\/destinations/gm)?.length).toBe(2);
    expect(secrets.map((secret) => secret === '' || noted.includes(secret))).toEqual([false, false]);
  });
  await Promise.all(ran);
  expect((await acls(admin)).toSorted()).toEqual(granted);
  await admin.disconnect();

  const event = { eventType: 'order.shipped', customerExternalId: 'acct_42', payload: { orderId: '1001' } };
  const { deliveries } = await deliveredEverywhere(event);
  expect(deliveries.length).toBeGreaterThanOrEqual(modes.length);
});

test('Ctrl-C stops all that npm start started', async () => {
  const before = (await family(start.pid)).map(({ pid }) => pid);
  start.child.kill('SIGINT');
  expect(await start.exited).toBe(0);
  expect(start.printed()).toContain('Stopped.');
  await until(
    'its last process to end',
    () => living(before),
    (left) => left.length === 0,
  );
});

test('a machine without Java and Go gets one line that says what to install', async () => {
  const bin = join(dir, 'bin');
  await mkdir(bin);
  await symlink(process.execPath, join(bin, 'node'));
  const bare = { PATH: bin, XDG_CACHE_HOME: join(dir, 'cache') };
  const bootstrap = run(process.execPath, ['dev/bootstrap.mjs', 'start'], bare);
  expect(await bootstrap.exited).toBe(1);
  const lines = bootstrap.printed().trimEnd().split('\n');
  expect(lines.filter((line) => line.includes('install'))).toEqual([lines.at(-1)]);
  expect(bootstrap.printed()).not.toMatch(/Downloading|Building|unpacking|Getting/); // It comes before these minutes.
  expect(lines.at(-1)).toMatch(/install Java 17 or later, Maven(, Go 1\.25 or later)? .*docker compose up/);
});
