/** A lane's state in whatever order things happen to it, and what stands in Temporal beside it. */
import fc from 'fast-check';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import {
  areHeld,
  bodiesLost,
  bodiesOf,
  lettersToSend,
  lettersToStore,
  named,
  numberTaken,
  plannedLetters,
  stored,
  toReadBodies,
} from '../../domain/bodies.ts';
import { blockedKeys, type DeadLetter } from '../../domain/deadLetters.ts';
import { discarded, replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { letGo } from '../../domain/laneHold.ts';
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
import { canSend, enqueued, type LaneState, newLaneState, planned, settled } from '../../domain/laneState.ts';
import { firstSegment } from '../../domain/overflow.ts';
import { everything, fault, idOf, produced, renewed } from './laneSteps.ts';

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
  'begin to store',
  'begin to store',
  'store',
  'store',
  'meet an old holder',
  'read bodies',
  'lose bodies',
  'renew',
  'replay',
  'replay one',
  'replay another',
  'discard one',
  'mend',
  'break again',
  'break again',
  'resume',
] as const;
export type Step = { do: 'enqueue'; events: number[] } | { do: (typeof names)[number] };
export const steps = fc.array(
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
  { maxLength: 150, size: 'max' }, // By itself it makes a dozen: nothing would ever stand aside.
);

const untilDone = ['open', 'store', 'settle', 'get it', 'read bodies', 'replay', 'plan', 'take back'] as const;

/** The lane, and what stands in Temporal beside it. The steps come in any order; one that can't be taken now is left out. */
export class World {
  state: LaneState;
  readonly accepted: string[] = [];
  readonly delivered: string[] = [];
  readonly discarded: string[] = [];
  /** Open segments, by number. */
  readonly segments = new Map<number, Block>();
  reading: number | undefined;
  /** Open holders, by number, and what each has. */
  readonly holders = new Map<number, Block>();
  /** For the next holder, and to be read out of one. */
  private storing: ReturnType<typeof lettersToStore> = [];
  private asked: readonly DeadLetter[] = [];
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
    } else if (step.do === 'plan' && canSend(state)) this.plan();
    else if (step.do === 'begin to store' && this.storing.length === 0 && !overflow.opening) {
      this.state = named(state, 'name');
      this.storing = lettersToStore(state).slice(0, 2); // So that some letters of one lie here and some there.
    } else if (step.do === 'store' && this.storing.length > 0) this.store();
    else if (step.do === 'meet an old holder' && this.storing.length > 0) {
      this.state = numberTaken(state, overflow.nextNumber, overflow.nextNumber % 3);
    } else if (step.do === 'read bodies' && this.asked.length > 0) this.readBodies();
    else if (step.do === 'lose bodies' && this.asked.length > 0) {
      this.state = bodiesLost(state, this.asked, fault, 1_000);
      this.asked = [];
    } else if ((step.do === 'settle' || step.do === 'stop') && state.sending) this.settle(state.sending, step.do);
    else if (step.do.startsWith('overflow') && !overflow.opening && this.isIdle()) {
      const from = step.do === 'overflow tail' ? 'tail' : 'queue';
      const source = from === 'tail' ? overflow.tail : state.queue;
      if (source.length > 0) this.state = overflowed(state, from, 'name', 400);
    } else if (step.do === 'put aside' && !overflow.opening && this.isIdle()) this.putAside();
    else if (step.do === 'take back' && this.isIdle() && toReturn(state)) this.state = returned(state);
    else if (step.do === 'open' && overflow.opening) {
      this.segments.set(overflow.opening.number, joined(overflow.opening.blocks));
      this.state = opened(state);
    } else if (step.do === 'meet an old one') this.state = alreadyThere(state, overflow.nextNumber % 3);
    else if (step.do === 'ask for a segment' && !overflow.opening && !overflow.aside.returning && this.isIdle())
      this.reading ??= firstSegment(overflow);
    else if (step.do === 'get it' && this.reading !== undefined) this.get(this.reading);
    else if (step.do === 'lose it') this.state = lostSegment(state, fault, 1_000);
    else if (step.do === 'close') this.close();
    else if (step.do === 'renew' && !state.sending && this.isAtRest()) {
      this.state = renewed(state);
    } else if (step.do === 'replay') this.state = replayed(state, everything);
    else if (step.do === 'replay one') this.state = replayed(state, this.oneDeadLetter());
    else if (step.do === 'replay another') this.state = replayed(state, this.oneDeadLetter(-1));
    else if (step.do === 'discard one') this.discardOne();
    else if (step.do === 'resume') this.state = letGo(state, 'person');
    else if (step.do === 'mend') this.isMended = true;
    else if (step.do === 'break again') this.isMended = false;
  }

  /** All that can be done without another event, until nothing is left to do. */
  finish(): void {
    this.isMended = true;
    for (let n = 0; n < 1_000; n++) {
      for (const step of untilDone) this.take({ do: step });
      if (this.state.overflow.aside.returning) this.take({ do: 'overflow queue' });
      if (this.reading === undefined) this.take({ do: 'ask for a segment' });
    }
    this.close();
  }

  known(): string[] {
    const { queue, sending, deadLetters, released, overflow } = this.state;
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
      ...[...deadLetters, ...released].map(({ delivery }) => delivery.id),
    ];
  }

  /** The lane begins a new run only then. */
  private isAtRest(): boolean {
    const { opening, aside } = this.state.overflow;
    return !opening && !aside.returning && this.isIdle() && this.asked.length === 0;
  }

  /** Segments are opened and read, and bodies stored, one after the other. */
  private isIdle(): boolean {
    return this.reading === undefined && this.storing.length === 0;
  }

  private oneDeadLetter(at = 0) {
    const id = this.state.deadLetters.at(at)?.delivery.id;
    return { ...everything, digests: new Set(id === undefined ? [] : [id]) };
  }

  private plan(): void {
    if (this.asked.length > 0) return;
    const letters = lettersToSend(this.state);
    if (areHeld(letters)) this.asked = letters;
    else this.state = letters.length > 0 ? plannedLetters(this.state, letters) : planned(this.state);
  }

  private store(): void {
    const { nextNumber: number } = this.state.overflow;
    this.holders.set(number, joined(bodiesOf(this.storing)));
    this.state = stored(this.state, this.storing, { number, runId: `run ${number}` });
    this.storing = [];
  }

  private readBodies(): void {
    const { letters, holderId } = toReadBodies(this.state, this.asked, String);
    const held = this.holders.get(Number(holderId));
    if (!held) throw new Error(`holder ${holderId} was closed before it was read`);
    const bodies = letters.flatMap(({ at }) => deliveriesOf(held)[at] ?? []);
    if (String(bodies.map(({ id }) => id)) !== String(letters.map(({ id }) => id)))
      throw new Error(`holder ${holderId} has other bodies`);
    if (canSend(this.state)) this.state = plannedLetters(this.state, this.asked, blockOf(bodies, 1, 0));
    this.asked = [];
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
    for (const number of taken) if (!this.segments.delete(number)) this.holders.delete(number);
    this.state = closed(this.state, taken);
  }
}

export function play(given: readonly Step[], mode: 'continue' | 'block'): World {
  const world = new World(mode);
  for (const step of given) world.take(step);
  return world;
}
