import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Failed, Outcome } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { letGo, woken } from '../../domain/laneHold.ts';
import { statusOf } from '../../domain/laneMessages.ts';
import {
  alreadyThere,
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
  blockedKeys,
  canSend,
  carried,
  carriedBytes,
  carriedBytesMax,
  discarded,
  enqueued,
  isOver,
  type LaneState,
  newLaneState,
  planned,
  replayed,
  restored,
  settled,
} from '../../domain/laneState.ts';
import { eventsIn, firstSegment, payloadBytesIn, segmentBytesMax } from '../../domain/overflow.ts';

const idOf = (n: number): string => String(n).padStart(22, '0');
const block = (events: readonly number[], valueBytes = 1): Block =>
  blockOf(
    events.map((n) => ({ id: idOf(n), key: String(n % 3), value: new Uint8Array(valueBytes).fill(0x31) })),
    1,
    0,
  );
const fault: Failed = { kind: 'recordAtFault', name: 'MESSAGE_TOO_LARGE', message: 'too large', remedy: 'Raise it.' };
const everything = { digests: 'all' as const, reason: undefined, by: undefined };
const joined = (blocks: readonly Block[]): Block => blockOf(blocks.flatMap(deliveriesOf), 1, 0);
const renewed = (state: LaneState): LaneState => {
  const [head, ...blocks] = carried(state, 1_000);
  return restored(defaultLaneLimits, JSON.parse(JSON.stringify(head)), blocks);
};

/** What Kafka would do with a batch in which some are refused, or the destination is found at fault half way. */
function produced(sent: Block, isPoison: (n: number) => boolean, isStopped: boolean, mode: 'continue' | 'block') {
  const outcome: Outcome = { onDeadLetter: mode, attempts: [], landed: [], refused: [] };
  const stopped = new Set<string>();
  const landed: number[] = [];
  const last = isStopped ? Math.floor(sent.entries.length / 2) : sent.entries.length;
  sent.entries.slice(0, last).forEach(({ id, key }, position) => {
    if (stopped.has(key)) return;
    if (isPoison(Number(id))) {
      outcome.refused.push({ position, attempt: 1, error: fault });
      if (mode === 'block') stopped.add(key);
    } else landed.push(position);
  });
  outcome.landed.push({ partition: 0, broker: 'b:1', attempt: 1, positions: landed, offsets: landed });
  if (isStopped) outcome.suspended = fault;
  return { outcome, delivered: landed.map((position) => sent.entries[position]?.id ?? '') };
}

const names = [
  'plan',
  'plan',
  'settle',
  'settle',
  'stop',
  'overflow tail',
  'overflow queue',
  'overflow queue',
  'put aside',
  'put aside',
  'put aside',
  'put aside',
  'take back',
  'open',
  'meet an old one',
  'ask for a segment',
  'ask for a segment',
  'get it',
  'get it',
  'lose it',
  'close',
  'renew',
  'replay',
  'replay one',
  'discard one',
  'mend',
  'break again',
  'break again',
  'resume',
] as const;
type Step = { do: 'enqueue'; events: number[] } | { do: (typeof names)[number] };
const steps = fc.array(
  fc.oneof(
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('enqueue' as const),
        events: fc.array(fc.nat(200), { minLength: 1, maxLength: 6 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...names) }) },
  ),
  { maxLength: 120, size: 'max' }, // By itself it makes a dozen: nothing would ever stand aside.
);

/** The lane, and what stands in Temporal beside it. The steps come in any order; one that can't be taken now is left out. */
class World {
  state: LaneState;
  readonly accepted: string[] = [];
  readonly delivered: string[] = [];
  readonly discarded: string[] = [];
  /** Open segments, by number. */
  readonly segments = new Map<number, Block>();
  reading: number | undefined;
  private isMended = false;

  constructor(private readonly mode: 'continue' | 'block') {
    this.state = { ...newLaneState(defaultLaneLimits), onDeadLetter: mode };
  }

  take(step: Step): void {
    const { state } = this;
    const { overflow } = state;
    if (step.do === 'enqueue') {
      for (const n of step.events) if (!this.accepted.includes(idOf(n))) this.accepted.push(idOf(n));
      this.state = enqueued(state, block(step.events), 1_000);
    } else if (step.do === 'plan' && canSend(state)) this.state = planned(state);
    else if ((step.do === 'settle' || step.do === 'stop') && state.sending) this.settle(state.sending, step.do);
    else if (step.do.startsWith('overflow') && !overflow.opening && this.reading === undefined) {
      const from = step.do === 'overflow tail' ? 'tail' : 'queue';
      const source = from === 'tail' ? overflow.tail : state.queue;
      if (source.length > 0) this.state = overflowed(state, from, 'name', 400);
    } else if (step.do === 'put aside' && !overflow.opening && this.reading === undefined) this.putAside();
    else if (step.do === 'take back' && this.reading === undefined && toReturn(state)) this.state = returned(state);
    else if (step.do === 'open' && overflow.opening) {
      this.segments.set(overflow.opening.number, joined(overflow.opening.blocks));
      this.state = opened(state);
    } else if (step.do === 'meet an old one') this.state = alreadyThere(state);
    else if (step.do === 'ask for a segment' && !overflow.opening && !overflow.aside.returning)
      this.reading ??= firstSegment(overflow);
    else if (step.do === 'get it' && this.reading !== undefined) this.get(this.reading);
    else if (step.do === 'lose it') this.state = lostSegment(state, fault, 1_000);
    else if (step.do === 'close') this.close();
    else if (step.do === 'renew' && !state.sending && this.isAtRest()) {
      this.state = renewed(state);
    } else if (step.do === 'replay') this.state = replayed(state, everything);
    else if (step.do === 'replay one') this.state = replayed(state, this.oneDeadLetter());
    else if (step.do === 'discard one') this.discardOne();
    else if (step.do === 'resume') this.state = letGo(state, 'person');
    else if (step.do === 'mend') this.isMended = true;
    else if (step.do === 'break again') this.isMended = false;
  }

  /** All that can be done without another event, until nothing is left to do. */
  finish(): void {
    this.isMended = true;
    for (let n = 0; n < 1_000; n++) {
      for (const step of ['open', 'settle', 'get it', 'replay', 'plan', 'take back'] as const) this.take({ do: step });
      if (this.state.overflow.aside.returning) this.take({ do: 'overflow queue' });
      if (this.reading === undefined) this.take({ do: 'ask for a segment' });
    }
    this.close();
  }

  known(): string[] {
    const { queue, sending, deadLetters, overflow } = this.state;
    const unread = [...this.segments].filter(([number]) => !overflow.taken.includes(number)).map(([, one]) => one);
    const blocks = [
      ...queue,
      ...(sending ? [sending] : []),
      ...unread,
      ...(overflow.opening?.blocks ?? []),
      ...overflow.tail,
      ...(overflow.aside.returning ?? []),
    ];
    return [
      ...blocks.flatMap(({ entries }) => entries.map(({ id }) => id)),
      ...deadLetters.map(({ delivery }) => delivery.id),
    ];
  }

  /** The lane begins a new run only then. */
  private isAtRest(): boolean {
    const { opening, aside } = this.state.overflow;
    return !opening && !aside.returning && this.reading === undefined;
  }

  private oneDeadLetter() {
    return { ...everything, digests: new Set(this.state.deadLetters.slice(0, 1).map(({ delivery }) => delivery.id)) };
  }

  private discardOne(): void {
    const selected = this.oneDeadLetter();
    this.discarded.push(...selected.digests);
    this.state = discarded(this.state, selected);
  }

  private putAside(): void {
    const blocked = blockedKeys(this.state);
    const isAny = this.state.queue.some(({ entries }) => entries.some(({ key }) => blocked.has(key)));
    if (isAny) this.state = overflowed(this.state, 'blocked', 'name', 400);
  }

  private settle(sending: Block, how: 'settle' | 'stop'): void {
    const isPoison = (n: number): boolean => !this.isMended && n % 4 === 0;
    const { outcome, delivered } = produced(sending, isPoison, how === 'stop', this.mode);
    this.delivered.push(...delivered);
    this.state = settled(this.state, outcome, 1_000);
  }

  private get(number: number): void {
    const found = this.segments.get(number);
    if (!found) throw new Error(`segment ${number} was closed before it was read`);
    this.state = readBack(this.state, found);
    this.reading = undefined;
  }

  private close(): void {
    const { taken } = this.state.overflow;
    for (const number of taken) this.segments.delete(number);
    this.state = closed(this.state, taken);
  }
}

function play(given: readonly Step[], mode: 'continue' | 'block'): World {
  const world = new World(mode);
  for (const step of given) world.take(step);
  return world;
}

/** What was delivered of each key is what was accepted first. */
function expectOrder({ accepted, delivered, discarded }: World): void {
  for (const key of [0, 1, 2]) {
    const ofKey = (ids: string[]) => ids.filter((id) => Number(id) % 3 === key && !discarded.includes(id));
    expect(ofKey(delivered)).toEqual(ofKey(accepted).slice(0, ofKey(delivered).length));
  }
}

describe('a lane whose backlog goes to segments and back, in whatever order things happen,', () => {
  test.each(['continue', 'block'] as const)('loses nothing and has nothing twice (%s)', (mode) => {
    fc.assert(
      fc.property(steps, (given) => {
        const world = play(given, mode);
        const ended = [...world.delivered, ...world.discarded];
        expect([...world.known(), ...ended].sort()).toEqual([...world.accepted].sort());
        expect(statusOf(world.state).waitingEvents + world.state.deadLetters.length + ended.length).toBe(
          world.accepted.length,
        );
      }),
      { numRuns: 500 },
    );
  });

  test('keeps the order of each key', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const world = play(given, 'block');
        expectOrder(world);
        world.finish();
        expectOrder(world);
      }),
      { numRuns: 1_500 },
    );
  });

  test.each(['continue', 'block'] as const)(
    'delivers all in the end, leaves no segment open, and is over (%s)',
    (mode) => {
      fc.assert(
        fc.property(steps, (given) => {
          const world = play(given, mode);
          world.finish();
          expect([...world.delivered, ...world.discarded].sort()).toEqual(world.accepted.toSorted());
          expect([...world.segments.keys()]).toEqual([]);
          expect(world.state.overflow).toMatchObject({ segments: [], events: 0, bytes: 0, tail: [], taken: [] });
          expect(isOver(world.state, 1e12)).toBe(true);
        }),
        { numRuns: 200 },
      );
    },
  );
});

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
