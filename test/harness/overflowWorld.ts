/** A lane whose backlog and dead letters go to segments, and those segments, for property tests. */
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { blockedKeys } from '../../domain/deadLetters.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { letGo } from '../../domain/laneHold.ts';
import {
  allAsked,
  askedOfAside,
  foundLetters,
  isToMakeRoom,
  nextLetterStep,
  partedLetters,
  toldLetters,
} from '../../domain/laneLetters.ts';
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
import type { Selected } from '../../domain/laneSignals.ts';
import {
  canSend,
  discarded,
  enqueued,
  type LaneState,
  newLaneState,
  planned,
  replayed,
  settled,
} from '../../domain/laneState.ts';
import { lettersIn } from '../../domain/lettersAside.ts';
import { firstSegment } from '../../domain/overflow.ts';
import { numbersIn } from '../../domain/segmentRanges.ts';
import { everything, fault, idOf, produced, renewed } from './laneSteps.ts';

const block = (events: readonly number[], valueBytes = 1): Block =>
  blockOf(
    events.map((n) => ({ id: idOf(n), key: String(n % 3), value: new Uint8Array(valueBytes).fill(0x31) })),
    1,
    0,
  );
const joined = (blocks: readonly Block[]): Block => blockOf(blocks.flatMap(deliveriesOf), 1, 0);

export const names = [
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
  'letters aside',
  'letters aside',
  'letters aside',
  'letters step',
  'letters step',
  'tell',
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
  'discard',
  'mend',
  'break again',
  'break again',
  'resume',
] as const;
export type Step = { do: 'enqueue'; events: number[] } | { do: (typeof names)[number] };
/** The lane, and what stands in Temporal beside it. The steps come in any order; one that can't be taken now is left out. */
export class World {
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
      const { number, place, blocks } = overflow.opening;
      this.segments.set(number, place === 'letters' && blocks[0] ? blocks[0] : joined(blocks));
      this.state = opened(state);
    } else if (step.do === 'meet an old one') this.state = alreadyThere(state);
    else if (step.do === 'letters aside' && !overflow.opening && this.reading === undefined) this.putLettersAside();
    else if (step.do === 'letters step' && this.reading === undefined) this.letterStep();
    else if (step.do === 'tell') this.state = toldLetters(state, 1);
    else if (
      step.do === 'ask for a segment' &&
      !overflow.opening &&
      !overflow.aside.returning &&
      overflow.letters.asked.length === 0
    )
      this.reading ??= firstSegment(overflow);
    else if (step.do === 'get it' && this.reading !== undefined) this.get(this.reading);
    else if (step.do === 'lose it') this.state = lostSegment(state, fault, 1_000);
    else if (step.do === 'close') this.close();
    else if (step.do === 'renew' && !state.sending && this.isAtRest()) {
      this.state = renewed(state);
    } else if (step.do === 'replay') this.intervene('replay', everything);
    else if (step.do === 'replay one') this.intervene('replay', this.oneDeadLetter());
    else if (step.do === 'discard one') this.intervene('discard', this.oneDeadLetter());
    else if (step.do === 'discard' && this.accepted.length % 3 === 0) this.intervene('discard', everything);
    else if (step.do === 'resume') this.state = letGo(state, 'person');
    else if (step.do === 'mend') this.isMended = true;
    else if (step.do === 'break again') this.isMended = false;
  }

  /** All that can be done without another event, until nothing is left to do. */
  finish(): void {
    this.isMended = true;
    for (let n = 0; n < 1_000; n++) {
      for (const step of ['open', 'resume', 'settle', 'get it', 'letters step', 'plan', 'take back', 'tell'] as const)
        this.take({ do: step });
      if (this.state.overflow.letters.asked.length === 0) this.take({ do: 'replay' });
      if (this.state.overflow.aside.returning || isToMakeRoom(this.state)) this.take({ do: 'overflow queue' });
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

  /** One that stands aside, if any does: the newest of the last but one segment, so that order would show. */
  private oneDeadLetter() {
    const { deadLetters, overflow } = this.state;
    const number = numbersIn(overflow.letters.segments).at(-2);
    const aside = number === undefined ? [] : lettersIn(this.segments.get(number) ?? block([])).slice(-1);
    const one = aside.length > 0 && this.accepted.length % 2 === 0 ? aside : deadLetters.slice(0, 1);
    return { ...everything, digests: new Set(one.map(({ delivery }) => delivery.id)) };
  }

  private intervene(kind: 'replay' | 'discard', selected: Selected): void {
    const before = this.state;
    const after = kind === 'replay' ? replayed(before, selected) : discarded(before, selected);
    if (kind === 'discard') {
      const gone = before.deadLetters.filter((letter) => !after.deadLetters.includes(letter));
      this.discarded.push(...gone.map(({ delivery }) => delivery.id));
    }
    this.state = askedOfAside(after, before, selected, { kind, atMs: 1_000, runId: 'r' });
  }

  private putLettersAside(): void {
    if (this.state.deadLetters.length > 0) this.state = overflowed(this.state, 'letters', 'name', 400);
  }

  /** What the lane does next for a replay or discard of dead letters aside. */
  private letterStep(): void {
    const step = nextLetterStep(this.state);
    const { asked, segments } = this.state.overflow.letters;
    const isDiscard = asked[0]?.kind === 'discard';
    const held = (number: number) => lettersIn(this.segments.get(number) ?? block([]));
    if (step?.kind === 'find') {
      const wanted = new Set(step.digests);
      const has = (number: number) => held(number).some(({ delivery }) => wanted.has(delivery.id));
      this.state = foundLetters(this.state, numbersIn(step.segments).filter(has));
    } else if (step?.kind === 'part') {
      const wanted = new Set(step.asked.digests);
      const gone = held(step.number).filter(({ delivery }) => wanted.has(delivery.id));
      if (isDiscard) this.discarded.push(...gone.map(({ delivery }) => delivery.id));
      this.state = partedLetters(this.state, step.number, this.segments.get(step.number) ?? block([]));
    } else if (step) {
      this.state = allAsked(this.state);
      if (step.kind !== 'all' || !isDiscard) return;
      for (const number of numbersIn(segments)) {
        this.discarded.push(...held(number).map(({ delivery }) => delivery.id));
        this.segments.delete(number);
      }
    }
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
