import type { Command } from 'commander';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { programOf } from '../../cli/main.ts';
import { replayWorkflowType } from '../../domain/replay.ts';
import { badInputs } from '../harness/badInputs.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { type Ran, type RunOptions, causeway as run } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { closedPort } from '../harness/hostileServers.ts';
import { expectProblem } from '../harness/problem.ts';
import { beginReplay, replayed } from '../harness/replays.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';
import { type WayThrough, wayThroughTo } from '../harness/wayThrough.ts';

let causeway: Causeway;
let temporal: TestTemporal;
/** What leads API and worker to Temporal. */
let way: WayThrough;
let destination: CreatedDestination;
/** Parked in lane `a`: whatever took hold by mistake would change it. */
let parked: string;
let unparked: string;
beforeAll(async () => {
  const servers = sharedServers();
  way = await wayThroughTo(servers.temporal.address);
  causeway = await startCauseway({ temporal: { ...servers.temporal, address: way.address } });
  temporal = await testTemporal({ temporal: { ...causeway.temporal, address: servers.temporal.address } });
  destination = await causeway.createDestination({
    topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }),
    ...{ partitionKey: 'payload.key', ordering: { lanes: 'key' } },
  });
  unparked = await post('a', 0, 'delivered');
  parked = await post('a', 5_000, 'parked');
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1000000' });
});
afterAll(async () => {
  await temporal?.stop();
  await causeway?.stop();
  await way?.stop();
});

async function post(key: string, pad: number, wanted: string): Promise<string> {
  const { customerExternalId } = destination;
  const payload = { key, pad: 'x'.repeat(pad) };
  const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload });
  await untilDelivery(wanted, causeway.api, id, ({ status }) => status === wanted);
  return id;
}

/** All that a command could have changed. */
async function state(): Promise<unknown> {
  const { id, topic } = destination;
  const replays = `WorkflowType="${replayWorkflowType}" AND TaskQueue="${causeway.temporal.taskQueue}"`;
  const [shown, lanes, records, started] = await Promise.all([
    causeway.api.get(`/v1/destinations/${id}`),
    causeway.api.get(`/v1/destinations/${id}/lanes`),
    causeway.kafka.records(topic),
    temporal.client.workflow.count(replays),
  ]);
  return [shown.body, lanes.body, records.length, started.count];
}

const strange = { CAUSEWAY_API_KEY: 'k'.repeat(20) };
const asksNoApi = ['completion', 'secrets reseal', 'secrets forget-payload-key'];
const leavesOf = (command: Command, words: string[] = []): [string, Command][] =>
  command.commands.flatMap((one): [string, Command][] => {
    const path = [...words, one.name()];
    return one.commands.length > 0 ? leavesOf(one, path) : [[path.join(' '), one]];
  });
const io = { out: () => undefined, err: () => undefined, ask: async () => undefined, env: {}, cwd: '/' };
const program = () =>
  programOf({
    io: { ...io, isTerminal: false, stop: new AbortController().signal },
    api: () => Promise.reject(new Error('nobody asks')),
  });

/** As it ended, so that a difference names the command. */
const ended = (name: string, args: readonly string[], { code, out }: Ran) => [`${name} ${args.join(' ')}`, code, out];

test('each command and each of its options has a row of what may be wrong with it', () => {
  const table = badInputs({ id: 'dst_x', parked: '', unparked: '' });
  const leaves = leavesOf(program());
  expect(Object.keys(table).toSorted()).toEqual(leaves.map(([name]) => name).toSorted());
  for (const [name, command] of leaves) {
    const given = table[name]?.rows.flatMap(([, args]) => args) ?? [];
    const valued = command.options.filter(({ required }) => required).map(({ long }) => long);
    expect([name, valued.filter((long) => !given.includes(long ?? ''))]).toEqual([name, []]);
    const wrongs = table[name]?.rows.map(([wrong]) => wrong) ?? [];
    if (command.registeredArguments.length > 0 && !asksNoApi.includes(name)) {
      expect([name, wrongs]).toEqual([name, expect.arrayContaining(['unknown', 'malformed', 'missing'])]);
    }
  }
});

test('what is wrong is named, with the reason and what to do; the exit code tells its kind, and nothing is changed', async () => {
  const before = await state();
  for (const [name, { rows }] of Object.entries(badInputs({ id: destination.id, parked, unparked }))) {
    for (const [, args, code, says, options] of rows) {
      const ran = await run(causeway.api, [...name.split(' '), ...args], options);
      expect(ended(name, args, ran)).toEqual(ended(name, args, { ...ran, code, out: '' }));
      expect(ran.err.replaceAll('\n', ' ')).toMatch(says);
    }
  }
  expect(await state()).toEqual(before);
});

test('without settings, without the right key and without an API every command says so, and changes nothing', async () => {
  const before = await state();
  const away = { CAUSEWAY_API: `http://${await closedPort()}` };
  for (const [name, { right }] of Object.entries(badInputs({ id: destination.id, parked, unparked }))) {
    if (asksNoApi.includes(name)) continue;
    const cases: [NonNullable<RunOptions['env']>, number, RegExp][] = [
      [{ CAUSEWAY_API: undefined }, 2, /Which Causeway\? Set CAUSEWAY_API/],
      [{ CAUSEWAY_API_KEY: undefined }, 2, /CAUSEWAY_API_KEY is not: set it/],
      [strange, 4, /The API key is unknown.*CAUSEWAY_API_KEY holds the key that is sent/],
      [away, 5, /Can't reach the API at .*ECONNREFUSED.*CAUSEWAY_API says where it is/],
    ];
    for (const [env, code, says] of cases) {
      const ran = await run(causeway.api, [...name.split(' '), ...right], { env });
      expect([name, ran.code]).toEqual([name, code]);
      expect((ran.out + ran.err).replaceAll(/\s+/g, ' ')).toMatch(name === 'doctor' ? /api/ : says);
    }
  }
  expect(await state()).toEqual(before);
});

test("Temporal's own CLI says what is not there, and what a batch would reach, and changes nothing", async () => {
  const before = await state();
  const { id } = destination;
  const lane = ['--workflow-id', `delivery:${id}:none`];
  const refused: [args: string[], says: RegExp][] = [
    [['workflow', 'query', ...lane, '--name', 'status'], /not ?found/i],
    [['workflow', 'describe', ...lane], /not ?found/i],
    [['workflow', 'show', ...lane], /not ?found/i],
    [['workflow', 'signal', ...lane, '--name', 'replay'], /not ?found/i],
    [['workflow', 'reset', ...lane, '--type', 'FirstWorkflowTask', '--reason', 'r'], /not ?found|no events/i],
    [['workflow', 'query', '--workflow-id', `delivery:${id}:a`, '--name', 'none'], /none/],
    // Without --yes it asks, and nobody answers.
    [
      ['workflow', 'signal', '--query', `DestinationId='${id}'`, '--name', 'replay', '--reason', 'r'],
      /approximately 1 workflow|user denied/i,
    ],
    [['workflow', 'signal', '--yes', '--query', 'Nonsense=1', '--name', 'replay', '--reason', 'r'], /Nonsense/],
  ];
  for (const [args, says] of refused) await expect(operate(causeway, ...args)).rejects.toThrow(says);
  // A signal that is malformed is taken, and changes nothing.
  const signals: [name: string, input: string][] = [
    ['replay', '{"ids": "evt_x"}'],
    ['replay', `{"id": "${parked}"}`],
    ['discard', '{}'],
    ['discard', '{"ids": []}'],
    ['pause', '"now"'],
  ];
  const ofLane = ['--workflow-id', `delivery:${id}:a`];
  for (const [name, input] of signals) {
    await operate(causeway, 'workflow', 'signal', ...ofLane, '--name', name, '--input', input);
  }
  // A batch that matches nothing.
  const none = ['--query', "DestinationId='dst_none'", '--name', 'discard', '--input', '{"all": true}'];
  await operate(causeway, 'workflow', 'signal', '--yes', ...none, '--reason', 'r');
  await until('nothing has changed', state, (now) => JSON.stringify(now) === JSON.stringify(before));
});

test('without Temporal behind the API every command says so, and changes nothing', async () => {
  const before = await state();
  way.cut();
  const table = Object.entries(badInputs({ id: destination.id, parked, unparked })).filter(
    ([name]) => !asksNoApi.includes(name),
  );
  const ran = await Promise.all(
    table.map(async ([name, { right }]) => ({ name, ...(await run(causeway.api, [...name.split(' '), ...right])) })),
  );
  way.mend();
  for (const [n, { name, code, out, err }] of ran.entries()) {
    expect([name, code]).toEqual([name, table[n]?.[1].withoutTemporal ?? 5]);
    if (code === 5)
      expect([name, err]).toEqual([name, expect.stringMatching(/Temporal did not (answer|confirm)|is Temporal up/)]);
    if (name === 'doctor') expect(out).toMatch(/temporal +failing .*See that Temporal is up/);
  }
  await until('all is as it was', state, (now) => JSON.stringify(now) === JSON.stringify(before));
});

test('a replay is answered 503 where Temporal gives no answer, and the same request begins it once, whether Temporal had heard of it or not', async () => {
  const { id: destinationId } = destination;
  const over = await beginReplay(causeway.api, { destinationId, dryRun: true });
  await replayed(causeway.api, over);
  const path = `/v1/replays/${over.id}`;
  const counting = async () => {
    const { count } = await temporal.client.workflow.count(
      `WorkflowType="${replayWorkflowType}" AND TaskQueue="${causeway.temporal.taskQueue}"`,
    );
    return count;
  };
  const before = await until('it is listed', counting, (count) => count > 0);
  const records = await causeway.kafka.records(destination.topic);
  /** The first needs no answer to begin; the others need one before it. */
  const bodies = [
    { destinationId, dryRun: true },
    { destinationId, dryRun: true, status: 'delivered' },
    { eventIds: [parked], dryRun: true },
  ];
  const begin = (body: object, n: number) =>
    causeway.api.request('POST', '/v1/replays', body, { 'idempotency-key': `without-answer-${n}` });
  way.loseAnswers();
  const answers = await Promise.all([
    ...bodies.map(begin),
    causeway.api.get(path),
    ...['cancel', 'continue'].map((what) => causeway.api.request('POST', `${path}/${what}`)),
  ]).finally(way.mend);
  for (const answer of answers) expectProblem(answer, 503, 'temporal_unavailable');

  const begun = await Promise.all(
    bodies.map((body, n) =>
      until(
        'it begins',
        () => begin(body, n),
        ({ status }) => status === 202,
      ),
    ),
  );
  for (const { body } of begun) {
    expect(await replayed(causeway.api, body as { id: string })).toMatchObject({ status: 'done' });
  }
  expect(await replayed(causeway.api, over)).toMatchObject({ status: 'done' });
  await until('each is there once', counting, (count) => count >= before + bodies.length);
  expect([await counting(), await causeway.kafka.records(destination.topic)]).toEqual([
    before + bodies.length,
    records,
  ]);
});
