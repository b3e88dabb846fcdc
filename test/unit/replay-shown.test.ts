import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { causeway, type Ran } from '../harness/cli.ts';

/** `causeway replays show` of a replay that the API tells so of. */
async function shown(replay: object): Promise<Ran> {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ id: 'rpl_a', ...replay }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo; // It listens at one.
  return await causeway({ url: `http://127.0.0.1:${port}`, key: 'k' }, ['replays', 'show', 'rpl_a']);
}

test('a replay that left lanes out which did not answer ends with 1, and says what to do', async () => {
  const done = await shown({ status: 'done', events: 4, unanswered: 2 });
  expect([done.code, done.err]).toEqual([
    1,
    'causeway: 2 lanes with dead letters did not answer, and nothing of theirs was sent or counted. See that a worker is up (causeway doctor). Its dead letters are sent by this once more with --status parked: any other would send again what was delivered.\n',
  ]);
  expect(done.out).toMatch(/^unanswered +2 lanes with dead letters$/m);
  expect(await shown({ status: 'running', events: 4, unanswered: 2 })).toMatchObject({ code: 0 });
  expect(await shown({ status: 'done', events: 4, unanswered: 0 })).toMatchObject({ code: 0 });
});

test('a replay that passed lanes over says what was not sent, of which lanes, and how to send just that', async () => {
  const left = {
    events: 4,
    total: 9,
    unanswered: 12,
    unansweredEvents: 5,
    unansweredLanes: ['delivery:dst_a:k', 'l\tm'],
  };
  const done = await shown({ status: 'done', ...left });
  expect([done.code, done.err]).toEqual([
    1,
    'causeway: 5 events of 12 lanes were not sent, for these did not answer, or had more than 4,000 events waiting for long: delivery:dst_a:k, l m and 10 more. See that a worker is up (causeway doctor). causeway replays continue rpl_a sends what is left, and nothing twice.\n',
  ]);
  expect(done.out).toMatch(/^not sent +5 events$/m);
  expect(done.out).toMatch(/^of +delivery:dst_a:k$/m);
  const running = await shown({ status: 'running', ...left });
  expect([running.code, running.out]).toEqual([0, expect.stringMatching(/^not sent +5 events$/m)]);
  expect(await shown({ status: 'stalled', ...left })).toMatchObject({
    ...{ code: 1, err: expect.stringContaining('It ended for that, and has more to send.') },
  });
});

test('dead letters that nobody sent and delivered events that are left are told apart, each with its own next command', async () => {
  const lanes = { unansweredEvents: 2, unansweredLanes: ['delivery:dst_a:k'] };
  const both = await shown({ status: 'done', events: 4, unanswered: 2, unansweredParked: 1, ...lanes });
  expect([both.code, both.err]).toEqual([
    1,
    'causeway: 2 events of 1 lane were not sent, for these did not answer, or had more than 4,000 events waiting for long: delivery:dst_a:k. 1 lane with dead letters did not answer, and nothing of theirs was sent or counted. See that a worker is up (causeway doctor). causeway replays continue rpl_a sends what is left, and nothing twice. Its dead letters are sent by this once more with --status parked: any other would send again what was delivered.\n',
  ]);
  expect(both.out).toMatch(/^unanswered +1 lane with dead letters\npassed over +1 lane$/m);
  const continued = await shown({ status: 'done', events: 6, unanswered: 1, unansweredParked: 1 });
  expect([continued.code, continued.err]).toEqual([1, expect.stringMatching(/with --status parked: any other/)]);
  expect(continued.err).not.toContain('continue');
});

test('a replay of named events that is done with fewer of them ends with 1, and says how many', async () => {
  const none = await shown({ status: 'done', events: 0, total: 0, named: 2 });
  expect([none.code, none.err]).toEqual([1, expect.stringMatching(/^causeway: 2 events were named, and none of them/)]);
  expect(await shown({ status: 'done', events: 1, named: 2 })).toMatchObject({
    ...{ code: 1, err: expect.stringContaining('only 1 of them') },
  });
  expect(await shown({ status: 'done', events: 2, named: 2 })).toMatchObject({ code: 0 });
  expect(await shown({ status: 'running', events: 0, named: 2 })).toMatchObject({ code: 0 });
});

test('a replay that met no event says so, and what may be misspelt', async () => {
  const none = await shown({ status: 'done', events: 0, total: 0 });
  expect([none.code, none.err]).toEqual([
    0,
    expect.stringMatching(/^No event fits, and nothing was sent\. .*--status/),
  ]);
  const deleted = await shown({ status: 'done', events: 0, total: 0, runs: 2, deletedRuns: 2 });
  expect([deleted.code, deleted.err]).toEqual([0, expect.stringMatching(/^No event fits in what is still there.*ret/)]);
  expect(await shown({ status: 'done', events: 1, total: 1 })).toMatchObject({ code: 0, err: '' });
});

test('a discard says that events are given up, never that they are sent, and offers no option that it has not', async () => {
  const discard = { action: 'discard', status: 'done', events: 0, total: 0 };
  const all = await Promise.all(
    [
      { unanswered: 2 },
      { named: 2 },
      { runs: 2, deletedRuns: 2 },
      { total: 12, status: 'tooMany' },
      { total: 12, unanswered: 1, status: 'stalled' },
      {},
    ].map((more) => shown({ ...discard, ...more })),
  );
  const said = all.map(({ err }) => err);
  expect(said.map((err) => err.includes('given up'))).toEqual(said.map(() => true));
  for (const err of said) {
    expect(err).not.toMatch(/nothing (of theirs )?was sent|has more to send|are sent|--status/i);
  }
});
