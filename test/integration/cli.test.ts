import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { version } from '../../activities/version.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { type Ran, type RunOptions, causeway as run } from '../harness/cli.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';

let causeway: Causeway;
let destination: CreatedDestination;
/** Two events of lane `a` and one of `b`, parked. */
let parked: [string, string, string];

beforeAll(async () => {
  causeway = await startCauseway();
  destination = await causeway.createDestination({
    topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }),
    partitionKey: 'payload.key',
    ordering: { lanes: 'key' },
  });
  parked = [await park('a'), await park('a'), await park('b')];
  await until(
    'all are listed',
    () => cli(['dead-letters', destination.id, '--json']),
    ({ out }) => JSON.parse(out).deadLetters.length === 3,
  );
});
afterAll(() => causeway.stop());

const cli = (args: string[], options?: RunOptions): Promise<Ran> => run(causeway.api, args, options);
const nobody = `evt_${'A'.repeat(22)}`;

async function post(key: string, pad = ''): Promise<string> {
  const { customerExternalId } = destination;
  return postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: { key, pad } });
}
async function park(key: string): Promise<string> {
  const id = await post(key, 'x'.repeat(5_000));
  await untilDelivery('it is parked', causeway.api, id, ({ status }) => status === 'parked');
  return id;
}

test('destinations are listed and shown, without secrets', async () => {
  const { id, customerExternalId, topic } = destination;
  const list = await cli(['destinations', 'list', '--customer', customerExternalId]);
  expect(list).toMatchObject({ code: 0, err: '1 destination.\n' });
  expect(list.out.split('\n')[0]).toMatch(/^ID +CUSTOMER +NAME +TOPIC +EVENT TYPES +STATE$/);
  expect(list.out).toMatch(new RegExp(`${id} +${customerExternalId} +test destination +${topic} +\\* +enabled`));
  const shown = await cli(['destinations', 'show', id]);
  expect(shown.out).toMatch(/^auth\.mode +NONE$/m);
  expect(JSON.parse((await cli(['destinations', 'show', id, '--json'])).out)).toMatchObject({ id, topic });
  expect(await cli(['destinations', 'list', '--customer', 'nobody'])).toEqual({
    ...{ code: 0, out: '' },
    err: '0 destinations. nobody is compared letter by letter: see that it is spelled so.\n',
  });
});

test('lanes and dead letters are a table for people and JSON for scripts', async () => {
  const lanes = await cli(['lanes', destination.id, '--state', 'Parked']);
  expect(lanes.out.split('\n').map((line) => line.split(/ {2,}/).slice(0, 4))).toEqual(
    expect.arrayContaining([
      ['LANE', 'STATE', 'WAITING', 'DEAD LETTERS'],
      ['a', 'Parked', '0', '2'],
      ['b', 'Parked', '0', '1'],
    ]),
  );
  const letters = await cli(['dead-letters', destination.id]);
  expect(letters).toMatchObject({ code: 0, err: '3 dead letters.\n' });
  for (const id of parked) expect(letters.out).toContain(id);
  expect(letters.out).toContain("Raise the topic's max.message.bytes");
  const two = await cli(['dead-letters', destination.id, '--json', '--limit', '2']);
  expect(JSON.parse(two.out)).toMatchObject({ isMore: true, deadLetters: [{}, {}], unanswered: [] });
});

test('replay, discard and log: the time line tells what was done, by whom and why', async () => {
  const [first, second, third] = parked;
  await causeway.kafka.configure(destination.topic, { 'max.message.bytes': '1000000' });
  const replayed = await cli(['replay', destination.id, first, '--reason', 'limit raised', '--by', 'ada']);
  expect(replayed).toEqual({ code: 0, out: 'Sent again: 1 dead letter of 1 lane.\n', err: '' });
  const log = await cli(['log', first, '--follow']);
  expect(log).toMatchObject({ code: 0, out: expect.stringContaining(': delivered\n') });
  expect(log.out).toMatch(
    / accepted\n(.|\n)*failed .*MESSAGE_TOO_LARGE(.|\n)*replay by ada \(CAUSEWAY_API_KEY\): limit raised\n(.|\n)*delivered after \d+ ms \(broker .*, partition 0, offset 0\)/,
  );

  expect(await cli(['discard', destination.id, second])).toMatchObject({
    code: 2,
    err: expect.stringContaining('--yes'),
  });
  expect(await cli(['discard', destination.id, second], { answer: 'no' })).toMatchObject({ code: 1 });
  expect(await deliveryOf(causeway.api, second)).toMatchObject({ status: 'parked' });
  expect(await cli(['discard', destination.id, second], { answer: 'yes' })).toMatchObject({ code: 0 });
  await untilDelivery('it is given up', causeway.api, second, ({ status }) => status === 'discarded');
  const all = await cli(['replay', destination.id, '--lane', 'b', '--json']);
  expect(JSON.parse(all.out)).toMatchObject({ signal: 'replay', lanes: 1, deadLetters: 1 });
  await untilDelivery('it is delivered', causeway.api, third, ({ status }) => status === 'delivered');
});

test('pause and resume', async () => {
  expect(await cli(['pause', destination.id, '--reason', 'they move'])).toEqual({
    ...{ code: 0, out: `Destination ${destination.id} is paused.\n`, err: '' },
  });
  expect((await cli(['destinations', 'list', '--limit', '1'])).out).toMatch(/paused since .* \(CAUSEWAY_API_KEY\)/);
  const id = await post('c');
  await untilDelivery('it waits', causeway.api, id, ({ status }) => status === 'paused');
  await until(
    'the lane to be listed',
    () => cli(['lanes', destination.id]),
    ({ out }) => /c +Paused +1 +0 +0 +DESTINATION_PAUSED/.test(out),
  );
  expect(await cli(['resume', destination.id])).toMatchObject({ code: 0 });
  await untilDelivery('it is delivered', causeway.api, id, ({ status }) => status === 'delivered');
});

test('audit tells who changed what, of one thing and of one key, over pages', async () => {
  const { id } = destination;
  const keys = await cli(['keys', 'list', '--json']);
  const [key] = JSON.parse(keys.out).apiKeys as { id: string }[];
  for (let n = 0; n < 55; n++) {
    if (n > 0) await cli(['resume', id]);
    await cli(['pause', id, '--reason', 'they move', '--by', 'ada\u202eb']);
  }
  const list = await cli(['audit', '--subject', id, '--limit', '1']);
  expect(list).toMatchObject({ code: 0, err: '1 entry, and there are more: raise --limit.\n' });
  expect(list.out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['AT', 'ACTION', 'SUBJECT', 'BY', 'FROM', 'DETAIL'],
    [
      ...[expect.stringMatching(/^20.*Z$/), 'destination.paused', id, `CAUSEWAY_API_KEY (${key?.id})`, '127.0.0.1'],
      'by=ada b (CAUSEWAY_API_KEY) reason=they move', // What would steer a terminal is left out.
    ],
    [''],
  ]);
  await cli(['resume', id]);
  const ofKey = ['--key-id', key?.id ?? '', '--limit', '1000', '--json'];
  const all = JSON.parse((await cli(['audit', '--subject', id, ...ofKey])).out);
  expect(all).toMatchObject({ isMore: false });
  const actions = (all.entries as { action: string }[]).map(({ action }) => action);
  expect(actions.filter((action) => action === 'destination.paused').length).toBeGreaterThanOrEqual(55);
  expect(actions.slice(0, 2)).toEqual(['destination.resumed', 'destination.paused']);
  const long = JSON.parse((await cli(['audit', '--subject', id, '--limit', '101', '--json'])).out);
  expect(long).toEqual({ entries: all.entries.slice(0, 101), isMore: true }); // Two pages, and no entry twice.
  expect(await cli(['audit', '--key-id', 'key_none'])).toEqual({
    ...{ code: 0, out: '' },
    err: '0 entries. Ids are compared letter by letter: see that they are spelled so.\n',
  });
});

test('a command that is none, and settings that are none, are told from others; --json has errors for programs', async () => {
  const { id } = destination;
  const wrong: [args: string[], says: string, options?: RunOptions][] = [
    [['nonsense'], "unknown command 'nonsense'"],
    [['lanes', id], 'CAUSEWAY_API is not a URL', { env: { CAUSEWAY_API: 'localhost' } }],
    [['lanes', id, '--limit', '0'], 'whole number from 1'],
  ];
  for (const [args, says, options] of wrong) {
    expect(await cli(args, options)).toEqual({ code: 2, out: '', err: expect.stringContaining(says) });
  }
  expect(await cli(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' });
  const asJson = await cli(['lanes', 'dst_unknown', '--json']);
  expect(JSON.parse(asJson.err)).toMatchObject({ error: { code: 'destination_not_found' } });
});

test('doctor checks all that the API stands on, and says what mends what is not well', async () => {
  // Temporal lists who polls a queue some time after it does.
  const well = await until(
    'all to be well',
    () => cli(['doctor', '--json']),
    ({ code }) => code === 0,
    20_000,
  );
  const found = JSON.parse(well.out).checks as { name: string; status: string }[];
  expect([well.code, ...found.filter(({ status }) => status === 'failing')]).toEqual([0]);
  expect(found.map(({ name }) => name)).toEqual([
    ...[
      'api',
      'version',
      'clock',
      'store',
      'store clock',
      'payload keys',
      'temporal',
      'namespace',
      'event index',
      'search attributes',
      'worker',
    ],
    ...['worker version', 'destinations', 'kafka'],
  ]);
  const away = { CAUSEWAY_API: 'http://127.0.0.1:9' };
  const ill = await cli(['doctor'], { env: away });
  expect(ill).toMatchObject({
    code: 5,
    out: expect.stringMatching(/api +failing +Can't reach/),
    err: 'causeway: Not well: api.\n',
  });
  expect(await cli(['doctor'], { env: { CAUSEWAY_API_KEY: 'k'.repeat(20) } })).toMatchObject({ code: 4 });
});

test('the program itself, as `npm run causeway` has it, prints and ends so', async () => {
  const env = { ...process.env, CAUSEWAY_API: causeway.api.url, CAUSEWAY_API_KEY: causeway.api.key };
  const spawned = (...args: string[]) => promisify(execFile)('npm', ['run', '-s', 'causeway', '--', ...args], { env });
  const { stdout } = await spawned('destinations', 'show', destination.id, '--json');
  expect(JSON.parse(stdout)).toMatchObject({ id: destination.id });
  await expect(spawned('log', nobody)).rejects.toMatchObject({ code: 3, stderr: expect.stringContaining(nobody) });
});
