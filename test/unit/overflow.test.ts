import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { discarded, replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { letGo } from '../../domain/laneHold.ts';
import { statusOf } from '../../domain/laneMessages.ts';
import {
  alreadyThere,
  closed,
  lostSegment,
  opened,
  overflowed,
  readBack,
  returned,
  toReturn,
} from '../../domain/laneOverflow.ts';
import {
  blockedKeys,
  canSend,
  enqueued,
  isOver,
  type LaneState,
  newLaneState,
  planned,
  settled,
} from '../../domain/laneState.ts';
import { firstSegment } from '../../domain/overflow.ts';
import { everything, fault, idOf, produced, renewed } from '../harness/laneSteps.ts';

const block = (events: readonly number[], valueBytes = 1): Block =>
  blockOf(
    events.map((n) => ({ id: idOf(n), key: String(n % 3), value: new Uint8Array(valueBytes).fill(0x31) })),
    1,
    0,
  );
const joined = (blocks: readonly Block[]): Block => blockOf(blocks.flatMap(deliveriesOf), 1, 0);

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
