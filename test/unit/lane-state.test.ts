import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { carried, restored } from '../../domain/carriedLane.ts';
import { DedupWindow } from '../../domain/dedupWindow.ts';
import { discarded, replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { heldFor } from '../../domain/laneHold.ts';
import { statusOf } from '../../domain/laneMessages.ts';
import { blockFrom, selectionFrom } from '../../domain/laneSignals.ts';
import {
  canSend,
  carriedBytes,
  carriedBytesMax,
  enqueued,
  isOver,
  type LaneState,
  newLaneState,
  planned,
  settled,
} from '../../domain/laneState.ts';
import { payloadConverter } from '../../domain/payloadConverter.ts';
import { everything, fault, idOf, produced, renewed } from '../harness/laneSteps.ts';

const block = (events: readonly { n: number; key: string }[]): Block =>
  blockOf(
    events.map(({ n, key }) => ({ id: idOf(n), key, value: new TextEncoder().encode(`{"n":${n}}`) })),
    1,
    0,
  );

const known = (state: LaneState): string[] => [
  ...state.queue.flatMap((one) => one.entries.map(({ id }) => id)),
  ...(state.sending?.entries.map(({ id }) => id) ?? []),
  ...state.deadLetters.map(({ delivery }) => delivery.id),
];

type Step = { do: 'enqueue'; events: { n: number; key: string }[] } | { do: 'send' | 'renew' | 'replay' | 'mend' };
const steps = fc.array(
  fc.oneof(
    fc.record({
      do: fc.constant('enqueue' as const),
      events: fc.array(fc.record({ n: fc.nat(40), key: fc.constant('') }), { minLength: 1, maxLength: 6 }),
    }),
    fc.record({
      do: fc.constantFrom('send' as const, 'send' as const, 'renew' as const, 'replay' as const, 'mend' as const),
    }),
  ),
  { maxLength: 40 },
);

/** Plays the steps: every event's key is n mod 3, and every seventh is poison until it is mended. */
function play(given: readonly Step[], onDeadLetter: 'continue' | 'block') {
  let state: LaneState = { ...newLaneState(defaultLaneLimits), onDeadLetter };
  let isMended = false;
  const accepted: string[] = [];
  const delivered: string[] = [];
  for (const step of given) {
    if (step.do === 'enqueue') {
      const events = step.events.map(({ n }) => ({ n, key: String(n % 3) }));
      for (const { n } of events) if (!accepted.includes(idOf(n))) accepted.push(idOf(n));
      state = enqueued(state, block(events), 1_000);
    } else if (step.do === 'send' && canSend(state)) {
      state = planned(state);
      if (!state.sending) throw new Error('planned nothing although it could send');
      const result = produced(state.sending, (n) => !isMended && n % 7 === 0, false, onDeadLetter);
      delivered.push(...result.delivered);
      state = settled(state, result.outcome, 1_000);
    } else if (step.do === 'renew') {
      state = renewed(state);
    } else if (step.do === 'replay') state = replayed(state, everything);
    else if (step.do === 'mend') isMended = true;
  }
  return { state, accepted, delivered };
}

describe('a lane', () => {
  test.each(['continue', 'block'] as const)(
    'loses nothing and sends nothing twice, whatever happens when (%s)',
    (mode) => {
      fc.assert(
        fc.property(steps, (given) => {
          const { state, accepted, delivered } = play(given, mode);
          expect([...known(state), ...delivered].sort()).toEqual([...accepted].sort());
          expect(state.counts.accepted).toBe(accepted.length);
          expect(state.counts.delivered).toBe(delivered.length);
        }),
      );
    },
  );

  test('delivers the events of a key in the order in which they were accepted, a poison record included, when it blocks', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const { accepted, delivered } = play(given, 'block');
        for (const key of [0, 1, 2]) {
          const ofKey = (ids: string[]) => ids.filter((id) => Number(id) % 3 === key);
          expect(ofKey(delivered)).toEqual(ofKey(accepted).slice(0, ofKey(delivered).length));
        }
      }),
    );
  });

  test('lets later events of a key go on past a poison record when it continues', () => {
    const { state, delivered } = play(
      [{ do: 'enqueue', events: [7, 1, 2].map((n) => ({ n, key: '' })) }, { do: 'send' }],
      'continue',
    );
    expect(delivered).toEqual([idOf(1), idOf(2)]);
    expect(state.deadLetters.map(({ delivery }) => delivery.id)).toEqual([idOf(7)]);
  });

  test('replays the same bytes, and forgets what is discarded', () => {
    let { state } = play([{ do: 'enqueue', events: [7, 14].map((n) => ({ n, key: '' })) }, { do: 'send' }], 'continue');
    state = discarded(state, { ...everything, digests: new Set([idOf(14)]) });
    state = replayed(state, everything);
    expect(state.queue.flatMap(deliveriesOf).map(({ value }) => new TextDecoder().decode(value))).toEqual(['{"n":7}']);
    expect(state.counts.discarded).toBe(1);
  });

  test('puts what a suspended destination did not take back where it was, and holds', () => {
    let state = enqueued(newLaneState(defaultLaneLimits), block([1, 2, 3].map((n) => ({ n, key: 'k' }))), 1_000);
    state = planned(state);
    state = enqueued(state, block([{ n: 4, key: 'k' }]), 1_000);
    const landed = [{ partition: 0, broker: 'b:1', attempt: 1, positions: [0], offsets: [5] }];
    state = settled(state, { onDeadLetter: 'continue', attempts: [], landed, refused: [], suspended: fault }, 1_000);
    expect(known(state)).toEqual([idOf(2), idOf(3), idOf(4)]);
    expect(canSend(state)).toBe(false);
    expect(canSend(replayed(state, everything))).toBe(true);
  });

  test('says what holds it while nothing of its queue is sent, and what ends that', () => {
    const large = (n: number, key: string): Block =>
      blockOf([{ id: idOf(n), key, value: new TextEncoder().encode(`"${'x'.repeat(256 * 1024)}"`) }], 1, 0);
    const sendAll = (state: LaneState, onDeadLetter: 'continue' | 'block'): LaneState => {
      if (!canSend(state)) return state;
      const { sending, ...rest } = planned(state);
      if (!sending) throw new Error('nothing planned');
      return sendAll(
        settled({ ...rest, sending }, produced(sending, (n) => n % 7 === 0, false, onDeadLetter).outcome, 1),
        onDeadLetter,
      );
    };
    const having = (blocks: Block[], onDeadLetter: 'continue' | 'block' = 'continue'): LaneState =>
      blocks.reduce((state, one) => sendAll(enqueued(state, one, 1), onDeadLetter), newLaneState(defaultLaneLimits));
    const small = block([{ n: 1, key: 'k' }]);

    const parked = having([large(7, 'k')]);
    expect(statusOf(parked).held).toBeUndefined();
    expect(statusOf(having([large(7, 'k'), small])).held).toBeUndefined();
    const full = having([large(7, 'k'), large(14, 'k'), small]);
    expect(statusOf(full)).toMatchObject({
      state: 'Parked',
      waitingEvents: 1,
      held: { reason: 'deadLettersFull', remedy: expect.stringContaining('512 KiB') },
    });
    expect(statusOf(having([large(7, 'k'), small], 'block')).held?.reason).toBe('keysBlocked');
    expect(statusOf(having([large(7, 'k'), block([{ n: 1, key: 'other' }])], 'block')).held).toBeUndefined();
    expect(statusOf({ ...full, paused: {} }).held?.reason).toBe('paused');
    const hold = heldFor('suspended', fault, { resumed: undefined, nowMs: 1 });
    expect(statusOf({ ...full, hold }).held).toEqual({ reason: 'suspended', remedy: fault.remedy });
    expect(statusOf(discarded(full, everything)).held).toBeUndefined();
  });

  test('parks no more dead letters than it can carry, however many records of a batch are refused', () => {
    const size = 100_000;
    const values = Array.from({ length: 16 }, (_, n) => ({ id: idOf(n), key: 'k', value: new Uint8Array(size) }));
    const state = planned(enqueued(newLaneState(defaultLaneLimits), blockOf(values, 1, 0), 1));
    if (!state.sending) throw new Error('nothing planned');
    const after = settled(state, produced(state.sending, () => true, false, 'continue').outcome, 1_000);
    expect(after.deadLetters).toHaveLength(6); // 512 KiB, and the one that passed it.
    expect(after.queue.flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual(
      values.slice(6).map(({ id }) => id),
    );
    expect(carriedBytes(after)).toBeLessThanOrEqual(carriedBytesMax);
    expect(canSend(after)).toBe(false);
  });

  test('takes a batch of at most 2,400 events or 1.7 MB, and a larger block alone', () => {
    let state = newLaneState(defaultLaneLimits);
    for (let n = 0; n < 2_500; n++) state = enqueued(state, block([{ n, key: 'k' }]), 1_000);
    expect(planned(state).sending?.entries).toHaveLength(2_400);
    const sized = (bytes: number, n = 1) => blockOf([{ id: idOf(n), key: 'k', value: new Uint8Array(bytes) }], 1, 0);
    const two = [1, 2].reduce((before, n) => enqueued(before, sized(860_000, n), 1), newLaneState(defaultLaneLimits));
    expect(planned(two).sending?.entries).toHaveLength(1);
    expect(planned(enqueued(newLaneState(defaultLaneLimits), sized(1_750_000), 1)).sending?.entries).toHaveLength(1);
  });

  test('is over once it is empty and its dedup window has run out, not before', () => {
    let state = enqueued(
      newLaneState({ ...defaultLaneLimits, dedupWindowMs: 10_000 }),
      block([{ n: 1, key: 'k' }]),
      1_000,
    );
    expect(isOver(state, 1e9)).toBe(false);
    state = planned(state);
    if (!state.sending) throw new Error('nothing planned');
    state = settled(state, produced(state.sending, () => false, false, 'continue').outcome, 1_000);
    expect(isOver(state, 10_000)).toBe(false);
    expect(isOver(state, 12_001)).toBe(true);
  });
});

describe('what a lane carries into its next run', () => {
  const payloadBytesOf = (state: LaneState, nowMs: number): number =>
    carried(state, nowMs)
      .map((part) => payloadConverter.toPayload(part)?.data?.length ?? 0)
      .reduce((sum, bytes) => sum + bytes, 0);
  const newId = (): string => randomBytes(16).toString('base64url');
  const events = fc.array(
    fc.record({ key: fc.string({ unit: 'binary', maxLength: 40 }), value: fc.json({ maxDepth: 1 }) }),
    { minLength: 1, maxLength: 20 },
  );
  const blocks = fc.array(fc.record({ events, isPoison: fc.boolean() }), { maxLength: 20 });

  test('is never more than it reckons with, whatever its keys and values, waiting or parked', () => {
    fc.assert(
      fc.property(blocks, (given) => {
        let state = newLaneState(defaultLaneLimits);
        given.forEach(({ events: ofBlock, isPoison }, i) => {
          const nowMs = 1_767_225_600_000 + i * 1_000;
          const deliveries = ofBlock.map(({ key, value }) => ({
            id: newId(),
            key,
            value: new TextEncoder().encode(value),
          }));
          const queue = state.queue;
          state = enqueued(isPoison ? { ...state, queue: [] } : state, blockOf(deliveries, nowMs, 0), nowMs);
          if (!isPoison) return;
          state = planned(state);
          if (!state.sending) throw new Error('nothing planned');
          state = settled(state, produced(state.sending, () => true, false, 'continue').outcome, nowMs);
          state = { ...state, queue };
        });
        expect(payloadBytesOf(state, 1_767_225_700_000)).toBeLessThanOrEqual(carriedBytes(state));
      }),
    );
  });

  test.each([36, 200, 1_000])('fits into Temporal with keys of %d characters', (keyLength) => {
    const nowMs = 1_767_225_600_000;
    let state = newLaneState(defaultLaneLimits);
    for (;;) {
      const deliveries = Array.from({ length: 300 }, () => ({
        id: newId(),
        key: randomBytes(keyLength).toString('base64').slice(0, keyLength),
        value: new TextEncoder().encode('{"payload":{}}'),
      }));
      const next = enqueued(state, blockOf(deliveries, nowMs, 0), nowMs);
      if (carriedBytes(next) > carriedBytesMax) break;
      state = next;
    }
    // Temporal's limit is 2 MiB.
    expect(payloadBytesOf(state, nowMs)).toBeLessThan(1.8 * 1024 * 1024);
    expect(payloadBytesOf(state, nowMs)).toBeGreaterThan(1_000_000);
  });
});

describe('the dedup window', () => {
  test('knows an id for its time and for so many others, also in the next run', () => {
    const window = new DedupWindow(3, 10_000);
    expect([1, 2, 3].map((n) => window.isRepeat(idOf(n), 0))).toEqual([false, false, false]);
    const next = DedupWindow.from(window.carried(5_000), 3, 10_000);
    expect(next.isRepeat(idOf(1), 5_000)).toBe(true);
    expect(next.isRepeat(idOf(2), 11_000)).toBe(false);
    expect(next.isRepeat(idOf(4), 11_000)).toBe(false);
    expect(next.isRepeat(idOf(3), 11_000)).toBe(false);
  });
});

describe('a malformed signal is no signal', () => {
  test.each([
    [undefined],
    [null],
    [7],
    ['text'],
    [[]],
    [{}],
    [{ ids: [] }],
    [{ ids: 'evt_x' }],
    [{ ids: [1] }],
    [{ all: 'yes' }],
  ])('discard %j selects nothing', (input) => {
    expect(selectionFrom(input, 'nothing')).toBeUndefined();
  });
  test('replay without input selects everything, with ids just these, with or without their prefix', () => {
    expect(selectionFrom(undefined, 'all')?.digests).toBe('all');
    expect(selectionFrom({ reason: 'mended' }, 'all')).toMatchObject({ digests: 'all', reason: 'mended' });
    expect(selectionFrom({ ids: [`evt_${idOf(1)}`, idOf(2)] }, 'all')?.digests).toEqual(new Set([idOf(1), idOf(2)]));
  });
  test.each([
    [undefined],
    [{}],
    [{ entries: [], bodies: new Uint8Array(2) }],
    [{ entries: 'x', bodies: new Uint8Array(2) }],
    [[1]],
  ])('enqueue %j enqueues nothing', (input) => {
    expect(blockFrom(input)).toBeUndefined();
  });
});

test('a lane goes by what its batches say of how slow the destination is, holds and new runs included', () => {
  const after = (state: LaneState, said: Partial<Outcome>): LaneState =>
    settled(planned(state), { attempts: [], landed: [], refused: [], ...said }, 1);
  const waits = enqueued(newLaneState(defaultLaneLimits), block([{ n: 1, key: 'a' }]), 1);
  expect(waits.slow).toBe(false);
  const slow = after(waits, { slow: true });
  expect([slow.slow, known(slow), canSend(slow)]).toEqual([true, [idOf(1)], true]);
  const held = after(slow, { waiting: fault });
  expect([held.slow, canSend(held)]).toEqual([true, false]);
  const [head, ...blocks] = carried(held, 1);
  expect(restored(defaultLaneLimits, structuredClone(head), blocks).slow).toBe(true);
  const soon = after(slow, { slow: false });
  expect(soon.slow).toBe(false);
  expect(restored(defaultLaneLimits, structuredClone(carried(soon, 1)[0]), soon.queue).slow).toBe(false);
});
