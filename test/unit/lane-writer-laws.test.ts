import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { longQuietMs } from '../../api/lanePromises.ts';
import { type LaneTarget, LaneWriter } from '../../api/laneWriter.ts';
import { type Block, blockBytesMax, blockEventsMax, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';

/** What the lane writer must keep, whatever comes when: time is the test's, so that hours of lingers and quiets pass in no time. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'performance', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const lanes = ['a', 'b', 'c'] as const;
const signalsInFlightMax = 2;
const spacingMsMax = 100;
const largeBytes = 200_000;

/** Some time, then so many events of a lane: over one connection, or each over none. */
const arrival = fc.record({
  afterMs: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 })),
  lane: fc.constantFrom(...lanes),
  events: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: 3 }) },
    { weight: 1, arbitrary: fc.constant(blockEventsMax + 1) },
  ),
  valueBytes: fc.oneof({ weight: 8, arbitrary: fc.constant(2) }, { weight: 1, arbitrary: fc.constant(largeBytes) }),
  connection: fc.option(fc.integer({ min: 0, max: 2 })),
});
const lingers = fc.record(Object.fromEntries(lanes.map((lane) => [lane, fc.constantFrom(0, 20, 100, 1_000)])));
/** How a signal goes; those that are beyond the list are stored at once. */
const signal = fc.record({
  ms: fc.integer({ min: 0, max: 400 }),
  end: fc.oneof(
    { weight: 4, arbitrary: fc.constant('stored' as const) },
    { weight: 1, arbitrary: fc.constantFrom('refused' as const, 'unclear' as const) },
  ),
  paceMs: fc.constantFrom(0, 0, 0, 70, longQuietMs - 100),
  isRunLong: fc.boolean(),
  runEndsAfterMs: fc.option(fc.integer({ min: 0, max: 600 })),
});
type Signal = typeof signal extends fc.Arbitrary<infer One> ? One : never;

type SentBlock = {
  atMs: number;
  block: Block;
  paceMs: number;
  signal: Signal;
  /** When it was answered that it is stored. */
  storedAtMs?: number;
  /** When its lane was known to have continued as new, in the quiet that came with it. */
  endedAtMs?: number;
};

/** Temporal and the gauge, as the drawn signals say. */
function world(signals: readonly Signal[]) {
  const left = [...signals];
  const sent = new Map<string, SentBlock[]>();
  const inFlight = new Set<string>();
  const most = { perLane: 0, all: 0 };
  /** Of the signal that comes next, for the writer asks before it sends. */
  let next: Signal | undefined;
  const drawn = (): Signal => {
    next ??= left.shift() ?? { ms: 0, end: 'stored', paceMs: 0, isRunLong: false, runEndsAfterMs: null };
    return next;
  };
  const writer = new LaneWriter({
    waitingBytesMax: 1e9,
    signalsInFlightMax,
    backlogMs: () => drawn().paceMs,
    longRun: (workflowId) => (drawn().isRunLong ? `run ${sent.get(workflowId)?.length ?? 0}` : undefined),
    runEnd: (workflowId, _runId, withinMs) => {
      const one = sent.get(workflowId)?.at(-1);
      const afterMs = one?.signal.runEndsAfterMs ?? withinMs;
      return new Promise((resolve) =>
        setTimeout(
          () => {
            const isOver = afterMs < withinMs;
            if (one && isOver) one.endedAtMs = performance.now();
            resolve(isOver);
          },
          Math.min(afterMs, withinMs),
        ),
      );
    },
    sendBlock: async ({ workflowId }, block) => {
      const one: SentBlock = { atMs: performance.now(), block, paceMs: drawn().paceMs, signal: drawn() };
      next = undefined;
      sent.set(workflowId, [...(sent.get(workflowId) ?? []), one]);
      most.perLane = inFlight.has(workflowId) ? 2 : Math.max(most.perLane, 1);
      inFlight.add(workflowId);
      most.all = Math.max(most.all, inFlight.size);
      await new Promise((resolve) => setTimeout(resolve, one.signal.ms));
      inFlight.delete(workflowId);
      if (one.signal.end !== 'stored') throw new Error(`${workflowId} ${sent.get(workflowId)?.length}`);
      one.storedAtMs = performance.now();
      return { runId: 'run', bytes: 1 };
    },
  });
  return { writer, sent, most };
}

test('the lane writer keeps order, loses and doubles nothing, tells each event what became of its own signal, and keeps its promises, whatever comes when', async () => {
  const drawn = fc.record({
    arrivals: fc.array(arrival, { maxLength: 40 }),
    lingers,
    signals: fc.array(signal, { maxLength: 40 }),
  });
  let failed = 0;
  let longQuiets = 0;
  await fc.assert(
    fc.asyncProperty(drawn, async ({ arrivals, lingers, signals }) => {
      const { writer, sent, most } = world(signals);
      const connections = [{}, {}, {}];
      const overConnections = new Set<string>();
      const given = new Map<string, string[]>();
      const answers = new Map<string, PromiseSettledResult<{ runId: string }>>();
      let n = 0;
      for (const { afterMs, lane, events, valueBytes, connection } of arrivals) {
        if (afterMs > 0) await vi.advanceTimersByTimeAsync(afterMs);
        const workflowId = `delivery:dst:${lane}`;
        if (connection !== null) overConnections.add(workflowId);
        const start = { destinationId: 'dst', customerExternalId: 'c', lane, limits: defaultLaneLimits };
        const target: LaneTarget = { workflowId, lingerMs: lingers[lane] ?? 0, start };
        for (let event = 0; event < events; event++) {
          const id = String(n++).padStart(22, '0');
          given.set(workflowId, [...(given.get(workflowId) ?? []), id]);
          const delivery = { id, key: 'k', value: new Uint8Array(events > 3 ? 2 : valueBytes) };
          const sender = connection === null ? undefined : connections[connection];
          const [stored] = writer.submit([{ target, delivery, sender }]);
          stored?.then(
            (value) => answers.set(id, { status: 'fulfilled', value }),
            (reason: unknown) => answers.set(id, { status: 'rejected', reason }),
          );
        }
      }
      await vi.runAllTimersAsync();
      await writer.drained(); // Or the test's time is over: something waits for nothing.

      expect([most.perLane <= 1, most.all <= signalsInFlightMax]).toEqual([true, true]);
      for (const [workflowId, ids] of given) {
        const blocks = sent.get(workflowId) ?? [];
        expect(blocks.flatMap(({ block }) => deliveriesOf(block).map(({ id }) => id))).toEqual(ids);
        for (const [at, one] of blocks.entries()) {
          keepsBounds(one.block);
          toldAsItEnded(one, answers);
          const after = blocks[at + 1];
          if (after) keepsQuiet(one, after);
          if (after && !overConnections.has(workflowId)) keepsSpacing(one, after, lingers[workflowId.slice(-1)] ?? 0);
          if (one.signal.end !== 'stored') failed++;
          if (one.block.quietMs >= longQuietMs && one.endedAtMs !== undefined) longQuiets++;
        }
      }
      expect(answers.size).toBe(n);
    }),
    { numRuns: 150 },
  );
  expect([failed > 0, longQuiets > 0]).toEqual([true, true]); // The draw reaches them.
}, 60_000);

function keepsBounds({ entries, bodies }: Block): void {
  expect(entries.length).toBeLessThanOrEqual(blockEventsMax);
  if (entries.length > 1) expect(bodies.length).toBeLessThanOrEqual(blockBytesMax + 2 * entries.length);
}

/** One signal, one outcome: that of a block is its events', and no other's. */
function toldAsItEnded({ block, signal }: SentBlock, answers: Map<string, PromiseSettledResult<unknown>>): void {
  const told = deliveriesOf(block).map(({ id }) => answers.get(id));
  const [first] = told;
  if (signal.end === 'stored') {
    expect(new Set(told.map((answer) => answer?.status))).toEqual(new Set(['fulfilled']));
  } else {
    const reasons = told.map((answer) => (answer?.status === 'rejected' ? answer.reason : undefined));
    expect(first?.status).toBe('rejected');
    expect(new Set(reasons).size).toBe(1);
  }
}

/**
 * The lane is sent nothing before its quiet is over, or it has continued as new; and nothing before it has caught up. A long quiet
 * counts from when its signal is stored.
 */
function keepsQuiet({ atMs, block, paceMs, storedAtMs, endedAtMs }: SentBlock, next: SentBlock): void {
  const gapMs = next.atMs - atMs;
  expect(gapMs).toBeGreaterThanOrEqual(paceMs);
  if (endedAtMs !== undefined && next.atMs >= endedAtMs) return;
  expect(gapMs).toBeGreaterThanOrEqual(block.quietMs);
  if (block.quietMs < longQuietMs || storedAtMs === undefined) return;
  expect(next.atMs - storedAtMs).toBeGreaterThanOrEqual(block.quietMs);
}

/** A lane's blocks are spaced by its linger, but a full one need not wait for it; nor one whose senders all wait for their answer. */
function keepsSpacing({ atMs }: SentBlock, next: SentBlock, lingerMs: number): void {
  const { entries, bodies } = next.block;
  const isFull = entries.length === blockEventsMax || bodies.length + largeBytes > blockBytesMax;
  if (!isFull) expect(next.atMs - atMs).toBeGreaterThanOrEqual(Math.min(lingerMs, spacingMsMax));
}
