import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import type { LaneQuery, ListedLane } from '../../activities/laneList.ts';
import { Sampler, type SamplerOptions } from '../../api/sampler.ts';
import { destinationPaused } from '../../domain/lane.ts';
import type { ParkedEvent } from '../../domain/laneMessages.ts';
import type { DestinationSeen, Seen } from '../../domain/numbers.ts';
import { heldFor } from '../harness/heldLane.ts';

/** A visibility with so many lanes, ten of each destination and each with one dead letter, behind a store that keeps what is sampled. */
function worldWith(parked: number) {
  const calls: string[] = [];
  const kept: { seen: Seen; destinations: readonly DestinationSeen[] }[] = [];
  const laneAt = (n: number): ListedLane => ({
    ...{
      workflowId: `delivery:dst_${n % 10_000}:${n}`,
      runId: 'r',
      destinationId: `dst_${n % 10_000}`,
      lane: String(n),
    },
    ...{ state: 'Parked', deadLetters: 1, runStartedAt: new Date(0) },
  });
  let isMine = true;
  const options: SamplerOptions = {
    numbers: {
      takeTurn: async () => isMine,
      leaveTurn: async () => void calls.push('leaveTurn'),
      keep: async (seen, destinations) => {
        kept.push({ seen, destinations });
      },
      forget: async () => undefined,
    },
    list: async ({ lanesMax, token }: LaneQuery) => {
      calls.push('list');
      const from = Number(token ?? 0);
      const to = Math.min(from + lanesMax, parked);
      const lanes = Array.from({ length: to - from }, (_, n) => laneAt(from + n));
      return { lanes, token: to < parked ? String(to) : undefined };
    },
    count: async ({ states }) => {
      calls.push('count');
      return states === undefined ? parked + 5 : states.includes('Parked') ? parked : 0;
    },
    destinations: { pausedOf: async () => new Set() },
    lanes: { status: async () => 'gone', deadLetters: async () => 'gone' },
    logger: pino({ level: 'silent' }),
  };
  return { ...{ calls, kept, options }, lose: () => (isMine = false) };
}

async function sampled(options: SamplerOptions, samples: number, kept: readonly unknown[]): Promise<void> {
  vi.useFakeTimers();
  try {
    const sampler = new Sampler(options);
    sampler.start();
    for (let n = 1; n < samples; n++) await vi.advanceTimersByTimeAsync(10_000);
    await sampler.stop();
    expect(kept).toHaveLength(samples);
  } finally {
    vi.useRealTimers();
  }
}

test('a sample of a Causeway without trouble takes two calls of visibility, and one with some lanes in trouble no more', async () => {
  for (const parked of [0, 900]) {
    const { calls, kept, options } = worldWith(parked);
    await sampled(options, 1, kept);
    expect(calls).toEqual(['count', 'list']);
    expect(kept[0]?.seen).toMatchObject({
      deadLetters: parked,
      isWhole: true,
      lanes: { Delivering: 5, Parked: parked },
    });
    expect(kept[0]?.destinations).toHaveLength(parked);
  }
});

test('of 100,000 lanes with dead letters each sample lists five pages and goes on where it was; what is known grows until it is whole', async () => {
  const { calls, kept, options } = worldWith(100_000);
  await sampled(options, 21, kept);
  const counts = kept.map(({ seen }) => seen.deadLetters);
  expect(counts.slice(0, 3)).toEqual([5_000, 10_000, 15_000]);
  expect([counts[19], counts[20]]).toEqual([100_000, 100_000]);
  expect(kept.map(({ seen }) => seen.deadLettersAtLeast ?? false)).toEqual([...Array(19).fill(true), false, false]);
  expect(kept.every(({ seen }) => seen.lanes.Parked === 100_000 && seen.lanes.Delivering === 5)).toBe(true);
  expect(calls.length / 21).toBeLessThanOrEqual(10);
});

test('lanes that a paused destination holds are told as paused, though Temporal says suspended', async () => {
  const { kept, options } = worldWith(0);
  const laneOf = (destinationId: string, n: number): ListedLane => ({
    ...{ workflowId: `delivery:${destinationId}:${n}`, runId: 'r', destinationId, lane: String(n) },
    ...{ state: 'Suspended', deadLetters: 0, runStartedAt: new Date(0) },
  });
  const list = async () => ({ lanes: [laneOf('dst_held', 1), laneOf('dst_held', 2), laneOf('dst_refused', 1)] });
  const pausedOf = async (ids: readonly string[]) => new Set(ids.filter((id) => id === 'dst_held'));
  await sampled({ ...options, list, destinations: { pausedOf } }, 1, kept);
  expect(kept[0]?.seen).toMatchObject({ lanes: { Suspended: 1, Paused: 2 }, suspendedDestinations: 1 });
  expect(kept[0]?.destinations.map(({ destinationId, state, lanes }) => [destinationId, state, lanes])).toEqual([
    ['dst_refused', 'Suspended', { Suspended: 1 }],
    ['dst_held', 'Paused', { Paused: 2 }],
  ]);
});

test('a lane that is held for a refused credential stays suspended under a pause, once it has said so', async () => {
  const { kept, options } = worldWith(0);
  const laneOf = (name: string): ListedLane => ({
    ...{ workflowId: `delivery:dst_held:${name}`, runId: 'r', destinationId: 'dst_held', lane: name },
    ...{ state: 'Suspended', deadLetters: 0, runStartedAt: new Date(0) },
  });
  const list = async () => ({ lanes: ['refused', 'paused'].map(laneOf) });
  const status: SamplerOptions['lanes']['status'] = async (workflowId) =>
    heldFor(workflowId.endsWith('paused') ? destinationPaused : 'SASL_AUTHENTICATION_FAILED');
  const lanes = { ...options.lanes, status };
  await sampled({ ...options, list, lanes, destinations: { pausedOf: async () => new Set(['dst_held']) } }, 2, kept);
  expect(kept.at(-1)?.seen).toMatchObject({ lanes: { Suspended: 1, Paused: 1 }, suspendedDestinations: 1 });
  // Resumed, it is not told by what it said before.
  kept.length = 0;
  await sampled({ ...options, list, lanes }, 2, kept);
  expect(kept.at(-1)?.seen).toMatchObject({ lanes: { Suspended: 2, Paused: 0 } });
});

test('what a lane said that it is held for is not told of its next run, nor under a pause that came later', async () => {
  const { kept, options } = worldWith(0);
  let runId = 'r';
  let error = 'SASL_AUTHENTICATION_FAILED';
  let isPaused = false;
  const list = async (): Promise<{ lanes: ListedLane[] }> => ({
    lanes: [
      {
        ...{ workflowId: 'delivery:dst_held:0', runId, destinationId: 'dst_held', lane: '0', state: 'Suspended' },
        ...{ deadLetters: 0, runStartedAt: new Date(0) },
      },
    ],
  });
  const lanes = { ...options.lanes, status: async () => heldFor(error) };
  const pausedOf = async () => new Set(isPaused ? ['dst_held'] : []);
  const next = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(10_000));
  const told = () => kept.at(-1)?.destinations.map(({ state, error: one }) => [state, one?.name]);
  vi.useFakeTimers();
  const sampler = new Sampler({ ...options, list, lanes, destinations: { pausedOf } });
  try {
    sampler.start();
    await next();
    expect(told()).toEqual([['Suspended', 'SASL_AUTHENTICATION_FAILED']]);
    [runId, error] = ['s', 'TOPIC_AUTHORIZATION_FAILED'];
    await next();
    expect(told()).toEqual([['Suspended', 'TOPIC_AUTHORIZATION_FAILED']]);
    [isPaused, error] = [true, destinationPaused];
    await next();
    expect(told()).toEqual([['Paused', destinationPaused]]);
    await next();
    expect(told()).toEqual([['Paused', destinationPaused]]);
  } finally {
    await sampler.stop();
    vi.useRealTimers();
  }
});

test('a process that has no turn asks nothing', async () => {
  const { calls, kept, options, lose } = worldWith(10);
  lose();
  await sampled(options, 1, []).catch(() => undefined);
  expect([calls, kept]).toEqual([[], []]);
});

test('an error that Postgres would refuse, with NUL in it or cut through a character, is kept as plain text', async () => {
  for (const message of ['the broker said \u0000', `${'x'.repeat(299)}\u{1f600}`]) {
    const { kept, options } = worldWith(1);
    const parkedAt = '2026-01-15T09:30:00.000Z';
    const letter = { eventId: 'e', partitionKey: 'k', bytes: 1, parkedAt };
    const deadLetters = async (): Promise<ParkedEvent[]> => [
      { ...letter, error: { name: 'UNFORESEEN', kind: 'recordAtFault', message, remedy: 'None.' } },
    ];
    await sampled({ ...options, lanes: { ...options.lanes, deadLetters } }, 1, kept);
    expect(kept[0]?.destinations[0]?.error?.message).toMatch(/^[^\p{Cc}\p{Cs}]+$/u);
  }
});

test('a process that can not sample leaves its turn to another one, and samples again once it can', async () => {
  const { calls, kept, options } = worldWith(10);
  let isAway = true;
  const count: SamplerOptions['count'] = async (query) => {
    if (isAway) throw new Error('Temporal is away');
    return options.count(query);
  };
  vi.useFakeTimers();
  try {
    const sampler = new Sampler({ ...options, count });
    sampler.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([calls, kept]).toEqual([['leaveTurn', 'leaveTurn'], []]);
    isAway = false;
    await vi.advanceTimersByTimeAsync(10_000);
    await sampler.stop();
    expect([calls.filter((call) => call === 'leaveTurn').length, kept.length]).toEqual([2, 1]);
  } finally {
    vi.useRealTimers();
  }
});

test('a sample claims to know all destinations in trouble no longer than two minutes after it has gone through all lanes', async () => {
  const { kept, options } = worldWith(20_000);
  await sampled(options, 4, kept);
  expect(kept.map(({ seen }) => seen.isWhole)).toEqual([false, false, false, true]);
  const endless: SamplerOptions['list'] = async (query) => ({ ...(await options.list(query)), token: '0' });
  const grown = worldWith(1_000);
  let samples = 0;
  const list: SamplerOptions['list'] = (query) => (samples++ === 0 ? grown.options.list(query) : endless(query));
  await sampled({ ...grown.options, list }, 16, grown.kept);
  const isWhole = grown.kept.map(({ seen }) => seen.isWhole);
  expect([isWhole[0], isWhole[11], isWhole[13], isWhole[15]]).toEqual([true, true, false, false]);
});
