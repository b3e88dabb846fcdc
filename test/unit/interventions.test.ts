import { expect, test } from 'vitest';
import type { LaneCalls } from '../../activities/laneCalls.ts';
import type { LanePage, ListedLane } from '../../activities/laneList.ts';
import { intervene, lanesMax } from '../../api/interventions.ts';
import type { ParkedEvent } from '../../domain/laneMessages.ts';
import type { Intervention } from '../../store/interventions.ts';

const idOf = (n: number): string => `evt_${String(n).padStart(22, 'A')}`;
const workflowOf = (lane: string): string => `delivery:dst_1:${lane}`;
const letterOf = (eventId: string): ParkedEvent => ({
  ...{ eventId, partitionKey: 'k', bytes: 1, parkedAt: '2026-01-15T09:30:00.000Z' },
  error: { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: 'm', remedy: 'r' },
});

const listed = (lane: string): ListedLane => ({
  ...{
    workflowId: workflowOf(lane),
    runId: 'r',
    destinationId: 'dst_1',
    lane,
    state: 'Delivering',
    deadLetters: 1,
    runStartedAt: new Date(0),
  },
});

type World = { parked: Record<string, string[] | undefined>; page?: LanePage; signal?: LaneCalls['signal'] };

/** Lanes with what each has parked, undefined where it does not answer; and the signals that they were sent. */
function world({ parked, page = { lanes: [] }, signal }: World) {
  const signals: unknown[][] = [];
  const kept = new Map<string, Intervention>();
  const options = {
    workflowIdOf: async (_: string, lane: string) => workflowOf(lane),
    interventions: {
      find: async (key: string) => kept.get(key),
      begin: async (key: string, asked: Intervention) => {
        const known = kept.get(key) ?? { ...asked, askedAtMs: Date.parse('2026-01-15T10:00:00Z') };
        kept.set(key, known);
        return known;
      },
      told: async (key: string, lanes: number) => {
        const known = kept.get(key);
        if (known) kept.set(key, { ...known, lanes });
      },
    },
    index: {
      find: async (digest: string) =>
        Object.entries(parked)
          .filter(([, ids]) => ids === undefined || ids.includes(`evt_${digest}`))
          .map(([lane]) => ({ workflowId: workflowOf(lane), runId: 'r', acceptedAt: new Date() })),
    },
    list: async () => page,
    lanes: {
      deadLetters: async (workflowId: string) => parked[workflowId.split(':')[2] ?? '']?.map(letterOf),
      signal: async (...sent: Parameters<LaneCalls['signal']>) => {
        signals.push(sent);
        return signal ? signal(...sent) : true;
      },
    },
  };
  return { options, signals };
}

const asked = { destinationId: 'dst_1', signal: 'replay', reason: 'why', by: 'ada', requestKey: 'once' } as const;

test('each lane is told of its own events alone, with the reason, who asked and what names the request', async () => {
  const { options, signals } = world({ parked: { a: [idOf(1), idOf(2)], b: [idOf(3)] } });
  const done = await intervene(options, asked, { ids: [idOf(1), idOf(3), idOf(1)] });
  expect(done).toEqual({ signal: 'replay', lanes: 2, deadLetters: 2, reason: 'why', by: 'ada' });
  const note = { reason: 'why', by: 'ada' };
  const once = { about: { request: expect.stringMatching(/^[\w-]{22}$/) }, requestKey: 'once' };
  expect(signals).toEqual([
    [workflowOf('a'), 'replay', { input: { ids: [idOf(1)], ...note }, ...once }],
    [workflowOf('b'), 'replay', { input: { ids: [idOf(3)], ...note }, ...once }],
  ]);
});

test('while a lane does not answer nobody knows what it has parked, and none is told', async () => {
  const { options, signals } = world({ parked: { a: [idOf(1)], b: undefined } });
  await expect(intervene(options, asked, { ids: [idOf(1)] })).rejects.toMatchObject({
    code: 'lanes_unknown',
    remedy: expect.stringContaining(workflowOf('b')),
  });
  await expect(intervene(options, asked, { lane: 'b' })).rejects.toMatchObject({ code: 'lanes_unknown' });
  expect(signals).toEqual([]);
});

test('more lanes than one request may signal are left alone, and the answer says what to do', async () => {
  const { options, signals } = world({ parked: {}, page: { lanes: [], token: 'more' } });
  await expect(intervene(options, asked, { all: true })).rejects.toMatchObject({
    code: 'too_many_lanes',
    remedy: expect.stringMatching(
      new RegExp(`${lanesMax} lanes.*temporal workflow signal --query 'DestinationId="dst_1"`),
    ),
  });
  expect(signals).toEqual([]);
});

test('a lane that closed meanwhile is not counted, and an unclear answer is an error', async () => {
  const closed = world({ parked: { a: [idOf(1)] }, signal: async () => false });
  await expect(intervene(closed.options, asked, { lane: 'a' })).rejects.toMatchObject({ code: 'lane_not_found' });
  const away = world({ parked: { a: [idOf(1)] }, signal: () => Promise.reject(new Error('away')) });
  await expect(intervene(away.options, asked, { ids: [idOf(1)] })).rejects.toThrow('away');
});

test('a request that comes again with its key completes what is missing, and then has the same answer without a word to a lane', async () => {
  const parked: World['parked'] = { a: [idOf(1)], b: [idOf(2)] };
  const silent = new Set(['b']);
  const { options, signals } = world({
    parked,
    signal: async (workflowId) => {
      const lane = workflowId.split(':')[2] ?? '';
      if (silent.has(lane)) throw new Error('away');
      parked[lane] = [];
      return true;
    },
  });
  const chosen = { ids: [idOf(1), idOf(2)] };
  await expect(intervene(options, asked, chosen)).rejects.toThrow('away');
  silent.clear();
  const done = await intervene(options, asked, chosen);
  expect(done).toEqual({ signal: 'replay', lanes: 2, deadLetters: 2, reason: 'why', by: 'ada' });
  const [first, , again, last] = signals;
  expect([again, last?.slice(0, 2)]).toEqual([first, [workflowOf('b'), 'replay']]);
  expect(await intervene(options, asked, chosen)).toEqual(done);
  expect(signals).toHaveLength(4);
});

test('a request for all that comes again does nothing to what was parked since, which nobody had seen', async () => {
  const [early, late] = ['2026-01-15T09:30:00.000Z', '2026-01-15T11:00:00.000Z'];
  const letters: Record<string, [string, string][] | undefined> = {
    ...{ a: [[idOf(1), early]], b: [[idOf(2), early]], c: [[idOf(3), early]], d: [[idOf(4), early]] },
  };
  const page = { lanes: Object.keys(letters).map((lane) => listed(lane)) };
  let isAway = true;
  const signal = async (workflowId: string) => {
    if (isAway && workflowId !== workflowOf('a')) throw new Error('away');
    letters[workflowId.split(':')[2] ?? ''] = [];
    return true;
  };
  const { options, signals } = world({ parked: {}, page, signal });
  options.lanes.deadLetters = async (workflowId: string) =>
    letters[workflowId.split(':')[2] ?? '']?.map(([id, parkedAt]) => ({ ...letterOf(id), parkedAt }));
  const discard = { ...asked, signal: 'discard' } as const;
  await expect(intervene(options, discard, { all: true })).rejects.toThrow('away');
  await expect.poll(() => signals.length).toBe(4); // The others are told though one could not be.
  isAway = false;
  signals.length = 0;
  letters.a = [[idOf(5), late]];
  letters.b = [...(letters.b ?? []), [idOf(6), late]];
  letters.c = undefined;
  await expect(intervene(options, discard, { all: true })).rejects.toMatchObject({
    ...{ code: 'lanes_unknown', remedy: expect.stringMatching(/:c: .*completes it/) },
  });
  await expect.poll(() => signals.length).toBe(2);
  letters.c = [[idOf(3), early]];
  expect(await intervene(options, discard, { all: true })).toMatchObject({ lanes: 4 });
  const told = signals.map(([workflowId, , sent]) => [workflowId, sent]);
  const only = (id: string) => expect.objectContaining({ input: { ids: [id], reason: 'why', by: 'ada' } });
  expect(told.toSorted()).toEqual([
    ...[
      [workflowOf('b'), only(idOf(2))],
      [workflowOf('c'), only(idOf(3))],
      [workflowOf('d'), only(idOf(4))],
    ],
  ]);
  expect(letters.a).toEqual([[idOf(5), late]]);
});

test('another request with the same key is refused by name, and no lane is told', async () => {
  const { options, signals } = world({ parked: { a: [idOf(1), idOf(2)] } });
  await intervene(options, asked, { ids: [idOf(1)] });
  const others = [
    intervene(options, asked, { ids: [idOf(2)] }),
    intervene(options, { ...asked, signal: 'discard' }, { ids: [idOf(1)] }),
    intervene(options, { ...asked, reason: 'another' }, { ids: [idOf(1)] }),
  ];
  for (const other of others) await expect(other).rejects.toMatchObject({ code: 'idempotency_key_reused' });
  expect(signals).toHaveLength(1);
});

test('one that is refused leaves nothing behind: the same key may name it once it can be done', async () => {
  const parked: World['parked'] = { a: undefined };
  const { options } = world({ parked });
  await expect(intervene(options, asked, { lane: 'a' })).rejects.toMatchObject({ code: 'lanes_unknown' });
  parked.a = [idOf(1)];
  expect(await intervene(options, asked, { lane: 'a' })).toMatchObject({ lanes: 1, deadLetters: 1 });
});
