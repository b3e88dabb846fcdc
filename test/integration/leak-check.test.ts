/** Known secrets are planted, every mode runs through success and failure, and nothing of them may be found anywhere. */
import { spawn } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keeperWorkflowId } from '../../domain/keeper.ts';
import type { TestApi } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { causeway as cli } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { echoingTokenEndpoint, type HostileServer } from '../harness/hostileServers.ts';
import { leaksIn, type PlantedSecret, privateKeyParts, type Trace, traceOf } from '../harness/leaks.ts';
import { refusalsOf } from '../harness/refusedModes.ts';
import { modes, type RotatedMode, rotatedMode } from '../harness/rotatedModes.ts';
import type { SecuredKafka } from '../harness/securedListeners.ts';
import { securedKafka, writeAcl } from '../harness/sharedSecuredKafka.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';
import { startTokenServer, type TokenServer } from '../harness/tokenServer.ts';
import {
  listenedTo,
  tracesOfArguments,
  tracesOfDatabase,
  tracesOfMetrics,
  tracesOfProcesses,
  tracesOfTemporal,
} from '../harness/traces.ts';

const sealingKey = randomBytes(32);
/** Secrets are sealed anew with it while all runs. */
const nextSealingKey = randomBytes(32);
const ring = (...ids: ('k1' | 'k2')[]): string =>
  ids.map((id) => `${id}:${(id === 'k1' ? sealingKey : nextSealingKey).toString('base64')}`).join();
const secret = (name: string): string => `${name} +&=%/"${randomBytes(12).toString('base64url')}`;
const planted = {
  ...{ nextSecret: secret('next'), wrongSecret: secret('wrong'), passphrase: secret('pass phrase') },
  ...{ wrongPassphrase: secret('another'), foreignKey: `cw_${randomBytes(24).toString('base64url')}` },
};

let kafka: SecuredKafka;
let remove: () => Promise<void>;
let tokens: TokenServer;
let echoing: HostileServer;
let causeway: Causeway;
let temporal: TestTemporal;
let api: TestApi;
let answers: Trace[];
beforeAll(async () => {
  ({ kafka, remove } = await securedKafka());
  [tokens, echoing, causeway] = await Promise.all([
    startTokenServer(kafka),
    echoingTokenEndpoint(),
    startCauseway({
      kafka: { brokers: [kafka.plain] },
      env: { LOG_LEVEL: 'debug', CAUSEWAY_SECRET_KEYS: ring('k1', 'k2') },
      workerEnv: { CAUSEWAY_WAIT_AFTER_MS: '1000' },
    }),
  ]);
  temporal = await testTemporal(causeway);
  ({ api, answers } = listenedTo(causeway.api));
});
afterAll(async () => {
  await Promise.all([causeway, tokens, echoing, temporal].map((one) => one.stop()));
  await remove();
});

function allPlanted(): PlantedSecret[] {
  const { first, next } = kafka.rotation;
  const named = { ...planted, password: first.password, nextPassword: next.password, apiKey: causeway.api.key };
  return [
    ...Object.entries(named).map(([name, value]) => ({ name, value })),
    { name: 'clientSecret', value: tokens.auth.clientSecret },
    ...tokens.given.map((value) => ({ name: 'accessToken', value })),
    { name: 'sealingKey', value: sealingKey },
    { name: 'nextSealingKey', value: nextSealingKey },
    ...privateKeyParts('clientKey', first.client.keyPem),
    ...privateKeyParts('nextKey', next.client.keyPem),
    ...wrongKeys.flatMap((pem) => privateKeyParts('wrongKey', pem)),
    ...privateKeyParts('encryptedKey', encryptedKey()),
  ];
}
const wrongKeys: string[] = [];
let encrypted: string | undefined;
const encryptedKey = (): string => {
  const cipher = { cipher: 'aes-256-cbc', passphrase: planted.passphrase };
  encrypted ??= createPrivateKey(kafka.rotation.first.client.keyPem)
    .export({ type: 'pkcs8', format: 'pem', ...cipher })
    .toString();
  return encrypted;
};

type Way = Pick<RotatedMode, 'broker' | 'auth' | 'next' | 'wrong' | 'principals'>;
/** Each mode, and MTLS with an encrypted key. */
function ways(): Way[] {
  const all = modes.map((mode): Way => {
    const way = rotatedMode(mode, kafka, tokens, planted.nextSecret);
    if (way.wrong.password) return { ...way, wrong: { password: planted.wrongSecret } };
    if (way.wrong.clientSecret) return { ...way, wrong: { clientSecret: planted.wrongSecret } };
    return way;
  });
  wrongKeys.push(...all.flatMap(({ wrong }) => wrong.clientKey ?? []));
  const mutual = all.find(({ auth }) => auth.mode === 'MTLS');
  if (!mutual) return all;
  const auth = { ...mutual.auth, clientKey: encryptedKey(), clientKeyPassphrase: planted.passphrase };
  return [...all, { ...mutual, auth, wrong: { clientKeyPassphrase: planted.wrongPassphrase } } as Way];
}

const statusOf = async (method: string, path: string, body: unknown, headers = {}): Promise<number> =>
  (await api.request(method, path, body, headers)).status;
/** Again where too many tests run. */
const untilTested = (path: string, body: unknown): Promise<number> =>
  until(
    'a place for a test',
    () => statusOf('POST', path, body),
    (status) => status !== 503,
  );

/** Ids of the workflows that there should be. */
const workflows = new Set<string>();
async function untilIs(statuses: RegExp, event: string): Promise<string | undefined> {
  const { workflowId, error } = await untilDelivery(
    `${statuses}`,
    api,
    event,
    ({ status }) => statuses.test(status),
    60_000,
  );
  workflows.add(workflowId);
  return error?.name;
}
const untilHeld = (event: string): Promise<string | undefined> => untilIs(/waiting|suspended/, event);

/** A destination, and an event on its way there. */
async function created(settings: object) {
  const customerExternalId = `acct_${randomBytes(6).toString('hex')}`;
  const given = { type: 'KAFKA', name: 'n', producer: { lingerMs: 0 }, customerExternalId, ...settings };
  const { body, text } = await api.request('POST', '/v1/destinations', given);
  const { id } = body as { id?: string };
  if (id === undefined) throw new Error(text);
  workflows.add(keeperWorkflowId(id));
  const event = await postEvent(api, { eventType: 'e', customerExternalId, payload: {} });
  return { path: `/v1/destinations/${id}`, id, event };
}

/** As an operator moves to the next key while all runs. */
async function reseal(): Promise<string> {
  const env = { DATABASE_URL: causeway.databaseUrl, CAUSEWAY_SECRET_KEYS: ring('k2', 'k1') };
  const { code, out, err } = await cli(causeway.api, ['secrets', 'reseal'], { env });
  answers.push(traceOf('the CLI', out + err));
  expect(code, err).toBe(0);
  return out;
}

/** Works, is refused, and is changed, well and badly; a customer's events meet each of it. */
async function throughSuccessAndFailure(way: Way): Promise<void> {
  const topic = await causeway.kafka.newTopic();
  for (const principal of way.principals) await writeAcl(kafka, topic, principal, true);
  const settings = { brokers: [way.broker], topic };
  const wrong = { ...way.auth, ...way.wrong };
  const topicOfOthers = await causeway.kafka.newTopic();
  const [good, bad, forbidden] = await Promise.all([
    created({ ...settings, auth: way.auth }),
    created({ ...settings, auth: wrong }),
    created({ ...settings, auth: way.auth, topic: topicOfOthers }),
  ]);
  await untilIs(/delivered/, good.event);
  await untilHeld(bad.event);
  expect(await untilHeld(forbidden.event)).toBe('TOPIC_AUTHORIZATION_FAILED');
  const test = { type: 'KAFKA', name: 'n', ...settings, customerExternalId: 'c' };
  if (way.auth.mode === 'SASL_OAUTHBEARER') {
    const auth = { ...way.auth, audience: 'others' };
    expect(await untilHeld((await created({ ...settings, auth })).event)).toBe('TOKEN_REFUSED');
    expect(await untilTested('/v1/destinations/test', { ...test, auth })).toBe(200);
  }
  for (const { path } of [good, forbidden])
    expect(await untilTested(`${path}/test`, { sendTestEvent: true })).toBe(200);
  expect(await untilTested('/v1/destinations/test', { ...test, auth: wrong })).toBe(200);
  expect(await untilTested('/v1/destinations/test', { ...test, auth: way.auth })).toBe(200);
  expect(await untilTested(`${good.path}/rotate`, { auth: way.wrong })).toBe(422);
  expect(await untilTested(`${bad.path}/rotate`, { auth: way.next })).toBe(200);
  await untilIs(/delivered/, bad.event);
  for (const [body, status] of [
    [{ auth: { ...wrong, mode: 'NONE', tls: true } }, 422],
    [{ auth: { ...way.wrong, [Object.keys(way.wrong)[0] ?? '']: [Object.values(way.wrong)[0]] } }, 422],
    [`{"auth": ${JSON.stringify(wrong)}`, 400],
  ] as const) {
    expect(await statusOf('PATCH', good.path, body)).toBe(status);
  }
  for (const command of [['destinations', 'show', good.id], ['log', bad.event], ['lanes', bad.id], ['doctor']]) {
    const { out, err } = await cli(causeway.api, [...command, '--json']);
    answers.push(traceOf('the CLI', out + err));
  }
}

/** Is refused for all else that may be wrong, and refuses. */
async function throughRefusals(way: Way): Promise<void> {
  const topic = await causeway.kafka.newTopic();
  await Promise.all(
    refusalsOf(way, kafka, echoing.address).map(async ({ error, ...settings }) => {
      const { clientKey } = settings.auth;
      if (clientKey !== undefined && clientKey !== way.auth.clientKey) wrongKeys.push(clientKey);
      const { event, path } = await created({ ...settings, topic });
      expect(await untilHeld(event)).toMatch(error);
      expect(await untilTested(`${path}/test`, { sendTestEvent: true })).toBe(200);
    }),
  );
}

const everywhere = async (): Promise<Trace[]> => [
  ...answers,
  ...(await tracesOfMetrics(causeway)),
  ...(await tracesOfProcesses(causeway)),
  ...(await tracesOfDatabase(causeway)),
  ...(await tracesOfTemporal(temporal.client, causeway, workflows)),
];

test('every mode works and is refused at debug level, and no secret of it is found in any form', async () => {
  await Promise.all(ways().flatMap((way) => [throughSuccessAndFailure(way), throughRefusals(way)]));
  const headers = { authorization: `Bearer ${planted.foreignKey}` };
  expect(await statusOf('GET', '/v1/destinations', undefined, headers)).toBe(401);
  expect(tokens.given.length).toBeGreaterThan(0);

  expect(await reseal()).toMatch(
    /^Sealed anew: \d{2} secrets of \d{2} destinations\.\nKey "k2" seals \d{2} secrets\.\n$/,
  );
  const traces = await everywhere();
  const kinds = new Set(traces.map(({ where }) => where));
  for (const kind of [
    "the API's answers",
    "the worker's metrics",
    'the CLI',
    'log api.log',
    'log worker.log',
    'process arguments',
  ]) {
    expect(kinds).toContain(kind);
  }
  for (const kind of ['table destinations', 'Temporal, delivery, history', 'Temporal, destination, description']) {
    expect(kinds).toContain(kind);
  }
  expect(leaksIn(traces, allPlanted())).toEqual([]);
});

test('a secret that is leaked on purpose is found in each of these places', async () => {
  const { password, client: certificate } = kafka.rotation.first;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  await appendFile(join(causeway.logDir, 'worker.log'), `{"msg":"${base64(`\0u\0${password}`)}"}\n`);
  const client = new pg.Client({ connectionString: causeway.databaseUrl });
  await client.connect();
  await client.query('insert into api_keys (digest, name) values ($1, $2)', [
    randomBytes(32),
    sealingKey.toString('hex'),
  ]);
  await client.end();
  const leaking = await temporal.client.workflow.start('leaking', {
    // On a queue of its own no list shows it, as none shows one that has only just begun.
    ...{ taskQueue: `${causeway.temporal.taskQueue}:leaking`, workflowId: `leaking:${randomBytes(6).toString('hex')}` },
    args: ['x'.repeat(10_000) + planted.passphrase],
    memo: { note: encodeURIComponent(tokens.auth.clientSecret) },
  });
  workflows.add(leaking.workflowId);
  await api.request('GET', `/v1/destinations?cursor=${planted.foreignKey}`);
  answers.push(traceOf('an answer', JSON.stringify({ key: certificate.keyPem })));
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)', causeway.api.key]);
  const started = await tracesOfArguments([process.pid]);
  child.kill();

  const found = leaksIn([...(await everywhere()), ...started], allPlanted());
  expect(found).toEqual(
    expect.arrayContaining([
      'password: log worker.log',
      'sealingKey: table api_keys',
      'passphrase: Temporal, leaking, history',
      'clientSecret: Temporal, leaking, description',
      'clientKey, a line: an answer',
      'apiKey: process arguments',
    ]),
  );
  await leaking.terminate();
});
