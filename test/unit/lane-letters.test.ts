import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import { blockOf } from '../../domain/block.ts';
import { deadLetterBytesMax, deadLetterCount, isParkingMuch } from '../../domain/deadLetters.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { askedOfAside, nextLetterStep } from '../../domain/laneLetters.ts';
import { parkedIn, statusOf } from '../../domain/laneMessages.ts';
import { opened, overflowed, toOverflow } from '../../domain/laneOverflow.ts';
import { selectionFrom } from '../../domain/laneSignals.ts';
import {
  canSend,
  carriedBytes,
  enqueued,
  type LaneState,
  newLaneState,
  planned,
  settled,
} from '../../domain/laneState.ts';
import { askedIdsMax } from '../../domain/lettersAside.ts';
import { payloadBytesIn, segmentBytesMax } from '../../domain/overflow.ts';
import { countOf, holdsNumber, numbersIn, replacedIn, splitAt } from '../../domain/segmentRanges.ts';
import { everything, fault, idOf, renewed } from '../harness/laneSteps.ts';

const note = { kind: 'replay', atMs: 1, runId: 'r' } as const;

/** The lane after a batch of which all was refused, of a key each, and what goes aside has gone. */
function refused(state: LaneState, events: number, bytes: number, keyBytes = 8): LaneState {
  const deliveries = Array.from({ length: events }, () => ({
    id: randomBytes(16).toString('base64url'),
    key: randomBytes(keyBytes).toString('base64url'),
    value: randomBytes(bytes),
  }));
  const sending = planned(enqueued(state, blockOf(deliveries, 1, 0), 1_000));
  const count = sending.sending?.entries.length ?? 0;
  const outcome: Outcome = {
    ...{ onDeadLetter: state.onDeadLetter, attempts: [], landed: [] },
    refused: Array.from({ length: count }, (_, position) => ({ position, attempt: 1, error: fault })),
  };
  let next = settled(sending, outcome, 1_000, isParkingMuch(sending, outcome));
  for (let from = toOverflow(next, 'short'); from; from = toOverflow(next, 'short')) {
    next = overflowed(next, from, 'name');
    const { opening } = next.overflow;
    if (opening?.place === 'letters') expect(payloadBytesIn(opening.blocks)).toBeLessThan(segmentBytesMax * 1.01);
    next = opened(next);
  }
  return next;
}

describe('dead letters that stand aside', () => {
  test('cost a lane that goes on next to nothing, however many there are', () => {
    let state = newLaneState(defaultLaneLimits);
    for (let n = 0; n < 20; n++) state = refused(state, 1_600, 1_000);
    expect(deadLetterCount(state)).toBe(32_000);
    expect(statusOf(state)).toMatchObject({ state: 'Parked', deadLetters: 32_000, waitingEvents: 0 });
    expect(parkedIn({ destinationId: 'dst_a', lane: 'k' }, state).segments.length).toBe(
      statusOf(state).deadLettersAside?.segments,
    );
    expect(carriedBytes(state)).toBeLessThan(deadLetterBytesMax + 600_000); // With its ids.
    expect(
      canSend(enqueued(renewed(state), blockOf([{ id: idOf(1), key: 'k', value: randomBytes(9) }], 1, 0), 1_000)),
    ).toBe(true);
  });

  test('hold the lane only where the keys that they hold back are too much to carry', () => {
    let state: LaneState = { ...newLaneState(defaultLaneLimits), onDeadLetter: 'block' };
    for (let n = 0; n < 4; n++) state = refused(state, 1_600, 1_000);
    const oneMore = (n: number) =>
      enqueued(state, blockOf([{ id: idOf(n), key: `${n}`, value: randomBytes(9) }], 1, 0), 1_000);
    expect(canSend(oneMore(0))).toBe(true);
    let batches = 0;
    for (state = oneMore(1); canSend(state); state = oneMore(batches)) {
      state = refused(state, 1_600, 1_000, 40);
      batches++;
    }
    expect(batches).toBeLessThan(5);
    expect(statusOf(state).held).toMatchObject({
      reason: 'deadLettersFull',
      remedy: expect.stringContaining('256 KiB'),
    });
    expect(carriedBytes(state)).toBeLessThan(1_800_000);
    expect(canSend(askedOfAside(state, state, everything, note))).toBe(false); // First what it asks for.
  });

  test('are looked for where the signal says, and no more ids are kept than can be carried', () => {
    const state = refused(newLaneState(defaultLaneLimits), 1_600, 1_000);
    const ids = Array.from({ length: askedIdsMax + 5 }, (_, n) => `evt_${idOf(n)}`);
    const selected = selectionFrom({ ids, segments: [0, 77] }, 'nothing');
    if (!selected) throw new Error('it is well formed');
    const asked = askedOfAside(state, state, selected, note);
    expect(asked.overflow.letters.asked[0]?.digests.length).toBe(askedIdsMax);
    expect(nextLetterStep(asked)).toMatchObject({ kind: 'part', number: 0 });
    expect(statusOf(asked).deadLettersAside).toMatchObject({ asked: 1 });
    expect(carriedBytes(asked)).toBeLessThan(1_800_000);
    for (const segments of ['0', [-1], [0.5], {}])
      expect(selectionFrom({ ids: ['evt_a'], segments }, 'all')).toBeUndefined();
    expect(selectionFrom({ all: true, segments: [0] }, 'all')).toBeUndefined();
  });
});

test('ranges of numbers can be split, and a number replaced in its place', () => {
  const ranges = [
    { from: 3, count: 3 },
    { from: 1, count: 1 },
  ];
  expect([countOf(ranges), numbersIn(ranges)]).toEqual([4, [3, 4, 5, 1]]);
  expect([holdsNumber(ranges, 5), holdsNumber(ranges, 6)]).toEqual([true, false]);
  expect(splitAt(ranges, 2).map(numbersIn)).toEqual([
    [3, 4],
    [5, 1],
  ]);
  expect(numbersIn(replacedIn(ranges, 4, { from: 9, count: 1 }))).toEqual([3, 9, 5, 1]);
  expect(numbersIn(replacedIn(ranges, 1))).toEqual([3, 4, 5]);
  expect(replacedIn(ranges, 8)).toEqual(ranges);
});
