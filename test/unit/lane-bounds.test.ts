import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { discarded, replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { letGo, woken } from '../../domain/laneHold.ts';
import { statusOf } from '../../domain/laneMessages.ts';
import {
  closed,
  lostSegment,
  opened,
  overflowed,
  queueBytesMax,
  readBack,
  returned,
  toClose,
  toOverflow,
  toRead,
  toReturn,
} from '../../domain/laneOverflow.ts';
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
import { eventsIn, firstSegment, payloadBytesIn, segmentBytesMax } from '../../domain/overflow.ts';
import { everything, fault, produced, renewed } from '../harness/laneSteps.ts';

describe('the bounds of a lane', () => {
  const nowMs = 1_767_225_600_000;
  const newIds = (count: number, bytes: number): Block =>
    blockOf(
      Array.from({ length: count }, () => ({
        id: randomBytes(16).toString('base64url'),
        key: 'k',
        value: randomBytes(bytes),
      })),
      nowMs,
      0,
    );
  /** Takes a lane as far as it goes by itself, segments opening at once. */
  const settledDown = (
    state: LaneState,
    run: 'short' | 'long' | 'tooLong',
  ): { state: LaneState; segments: Block[][] } => {
    const segments: Block[][] = [];
    for (let from = toOverflow(state, run); from; from = toOverflow(state, run)) {
      state = overflowed(state, from, 'name');
      segments.push([...(state.overflow.opening?.blocks ?? [])]);
      state = opened(state);
    }
    return { state, segments };
  };
  const filled = (state: LaneState, mebibytes: number): LaneState => {
    for (let n = 0; n < mebibytes * 4; n++) state = enqueued(state, newIds(250, 1024), nowMs);
    return state;
  };
  const lane = newLaneState(defaultLaneLimits);
  const paused = { ...lane, paused: {} };

  test('a stopped lane keeps less than a segment, and each segment holds no more than 1 MiB', () => {
    const { state, segments } = settledDown(filled(paused, 20), 'short');
    expect(segments.length).toBeGreaterThanOrEqual(20);
    for (const one of segments) expect(payloadBytesIn(one)).toBeLessThanOrEqual(segmentBytesMax);
    expect(eventsIn(state.queue)).toBe(0);
    expect(payloadBytesIn(state.overflow.tail)).toBeLessThan(segmentBytesMax);
    expect(carriedBytes(state)).toBeLessThan(carriedBytesMax);
    expect(statusOf(state)).toMatchObject({ waitingEvents: 20_000, held: { reason: 'paused' } });
    expect(statusOf(state).overflow?.segments).toBe(segments.length);
    expect(toRead(state, 'short')).toBeUndefined();
    expect(isOver({ ...state, paused: undefined }, 1e15)).toBe(false);
  });

  test('a lane that delivers opens no segment for what it can deliver before its run is too long', () => {
    const state = filled(lane, 4);
    expect(carriedBytes(state)).toBeGreaterThan(carriedBytesMax);
    expect(toOverflow(state, 'short')).toBeUndefined();
    expect(toOverflow(state, 'long')).toBeUndefined();
    expect(toOverflow(planned(state), 'long')).toBeUndefined();
    expect(toOverflow(state, 'tooLong')).toBe('queue');
    expect(payloadBytesIn(filled(lane, 9).queue)).toBeGreaterThan(queueBytesMax);
    expect(toOverflow(filled(lane, 9), 'short')).toBe('queue');
  });

  test('a lane whose run is too long can be carried after it has opened segments, whatever it was about', () => {
    const sending = planned(filled(lane, 4));
    const dead = {
      ...filled(lane, 1),
      deadLetters: [{ delivery: deliveriesOf(newIds(1, 500_000))[0] ?? never(), parkedAtMs: 1, error: fault }],
    };
    const readOne = readBack(settledDown(filled(paused, 3), 'short').state, newIds(900, 1_000));
    const suspended = { ...filled(readOne, 1), paused: undefined, suspended: fault };
    for (const state of [sending, dead, readOne, suspended, filled(lane, 3)]) {
      const after = settledDown(state, 'tooLong').state;
      expect(carriedBytes(after)).toBeLessThanOrEqual(carriedBytesMax);
    }
  });

  test('a stopped lane carries nothing from run to run that it had before its segments', () => {
    const { state } = settledDown(filled(paused, 3), 'short');
    const read = readBack({ ...state, paused: undefined }, newIds(900, 1_000));
    const again = settledDown({ ...read, paused: {} }, 'long').state;
    expect(again.queue).toEqual([]);
    expect(firstSegment(again.overflow)).toBe(again.overflow.nextNumber - 1); // In front of the others.
  });

  test('a segment is read while a batch is under way, but not in a run that should end, nor by a lane that is stopped', () => {
    const { state } = settledDown(filled(paused, 3), 'short');
    const going = { ...state, paused: undefined };
    expect(toRead(going, 'short')).toBe(0);
    expect(toRead(going, 'long')).toBeUndefined();
    expect(toRead(lostSegment(going, fault, 1_000), 'short')).toBeUndefined();
    const sending = planned(readBack(going, newIds(900, 1_000)));
    expect(sending.sending?.entries.length).toBeGreaterThan(0);
    expect(toRead(sending, 'short')).toBe(1);
    expect(toRead(filled(sending, 0), 'short')).toBe(1);
    expect(toRead(readBack(sending, newIds(1_100, 1_000)), 'short')).toBeUndefined(); // It has enough.
  });

  test('a lane that misses a segment stands still, says so, and reads on when it is resumed', () => {
    const { state } = settledDown(filled(paused, 3), 'short');
    const lost = lostSegment({ ...state, paused: undefined }, fault, 1_000);
    expect(statusOf(renewed(lost))).toMatchObject({
      state: 'Suspended',
      hold: { kind: 'suspended', error: fault },
      held: { reason: 'suspended' },
    });
    expect(toRead(lost, 'short')).toBeUndefined();
    expect(toRead(letGo(lost, 'person'), 'short')).toBe(0);
    expect(toRead(replayed(lost, everything), 'short')).toBe(0);
  });

  test('a lane that misses a segment stands still though a batch under way is delivered, and the keeper wakes it', () => {
    const { state } = settledDown(filled(paused, 3), 'short');
    const sending = planned(readBack({ ...state, paused: undefined }, newIds(900, 1_000)));
    const lost = lostSegment(sending, fault, 1_000);
    const { outcome } = produced(sending.sending ?? never(), () => false, false, 'continue');
    const after = settled(lost, outcome, 2_000);
    expect(statusOf(after)).toMatchObject({
      state: 'Suspended',
      hold: { error: fault },
      held: { reason: 'suspended' },
    });
    expect(toRead(woken(after, { version: 2, canWrite: true }), 'short')).toBeUndefined();
    expect(toRead(letGo(after, 'timer'), 'short')).toBe(1);
  });

  test('a lane that misses a segment tells of a fault of its destination first, and a person ends both', () => {
    const { state } = settledDown(filled(paused, 3), 'short');
    const sending = planned(readBack({ ...state, paused: undefined }, newIds(900, 1_000)));
    const atFault = { ...fault, name: 'TOPIC_AUTHORIZATION_FAILED' };
    const outcome: Outcome = { attempts: [], landed: [], refused: [], suspended: atFault, version: 1 };
    const both = settled(lostSegment(sending, fault, 1_000), outcome, 2_000);
    expect(statusOf(both).hold?.error).toEqual(atFault);
    expect(statusOf(woken(both, { version: 2 })).hold?.error).toEqual(fault);
    expect(statusOf(letGo(both, 'person')).hold).toBeUndefined();
  });

  test('events that wait behind a dead letter go to segments of their own, and the lane reads on for the other keys', () => {
    const letter = { delivery: deliveriesOf(newIds(1, 10))[0] ?? never(), parkedAtMs: 1, error: fault };
    const blocking: LaneState = { ...lane, onDeadLetter: 'block', deadLetters: [letter] };
    let { state } = settledDown(filled({ ...blocking, paused: {} }, 5), 'short');
    state = { ...state, paused: undefined };
    for (let number = toRead(state, 'short'); number !== undefined; number = toRead(state, 'short')) {
      state = settledDown(readBack(state, newIds(1_000, 1_024)), 'short').state;
      expect(payloadBytesIn(state.queue)).toBeLessThan(2 * segmentBytesMax);
    }
    expect(state.overflow.segments).toEqual([]);
    expect(state.overflow.aside).toMatchObject({ keys: ['k'], events: 5_000 - eventsIn(state.queue) });
    expect(carriedBytes(settledDown(state, 'long').state)).toBeLessThan(carriedBytesMax);
    expect(isOver({ ...state, queue: [] }, 1e15)).toBe(false);
    expect(firstSegment(returned(renewed(state)).overflow)).toBe(state.overflow.aside.segments[0]?.from);
  });

  test('what stands aside costs nothing to replay a dead letter of another key, and comes back for its own', () => {
    const [own, another, other] = deliveriesOf(newIds(3, 10)).map((delivery, n) => ({
      ...{ delivery: { ...delivery, key: n < 2 ? 'k' : 'other' }, parkedAtMs: 1, error: fault },
    }));
    if (!own || !another || !other) throw never();
    const blocking: LaneState = { ...filled(lane, 2), onDeadLetter: 'block', deadLetters: [own, another, other] };
    const { state } = settledDown(blocking, 'short');
    const releasing = (letter: typeof own) =>
      replayed(state, { ...everything, digests: new Set([letter.delivery.id]) });
    expect(releasing(other).overflow.aside).toEqual(state.overflow.aside);
    expect(canSend(releasing(other))).toBe(true);
    expect(toReturn(releasing(own))).toBe(true); // Though its key is still blocked: it comes before what stands aside.
    expect(canSend(replayed(state, everything))).toBe(false); // First what comes before the queue.
    expect(canSend(returned(replayed(state, everything)))).toBe(true);
    expect(toReturn(discarded(state, everything))).toBe(true);
  });

  test('what stands aside comes back before the other segments only once the queue is among these', () => {
    const letter = { delivery: deliveriesOf(newIds(1, 10))[0] ?? never(), parkedAtMs: 1, error: fault };
    const backlog = settledDown(filled(paused, 5), 'short').state;
    let state: LaneState = { ...backlog, paused: undefined, onDeadLetter: 'block', deadLetters: [letter] };
    for (let n = 0; n < 2; n++) state = settledDown(readBack(state, newIds(700, 1_024)), 'short').state;
    const aside = state.overflow.aside.segments[0]?.from ?? never();
    const [next, queued] = [firstSegment(state.overflow), eventsIn(state.queue)];
    const replaying = replayed(state, everything);
    expect(queued).toBeGreaterThan(0);
    expect([toReturn(replaying), toOverflow(replaying, 'short')]).toEqual([false, 'queue']);
    const { state: emptied, segments } = settledDown(replaying, 'short');
    expect(eventsIn(segments.flat())).toBe(queued);
    expect(returned(emptied).overflow.segments.map(({ from }) => from)).toEqual([
      ...[aside, emptied.overflow.nextNumber - 1, next],
    ]);
    expect(returned(emptied).queue.flatMap(({ entries }) => entries.map(({ id }) => id))).toEqual([letter.delivery.id]);
  });

  test('the last segments are closed by themselves, earlier ones with the reading of the next', () => {
    let { state } = settledDown(filled(paused, 2), 'short');
    state = { ...state, paused: undefined };
    while (toRead(state, 'short') !== undefined) {
      state = { ...readBack(state, newIds(10, 10)), queue: [] };
      expect(toClose(state)).toBe(state.overflow.segments.length === 0);
    }
    expect(toClose(state)).toBe(true);
    expect(toClose(closed(state, state.overflow.taken))).toBe(false);
  });
});

function never(): never {
  throw new Error('there is one');
}
