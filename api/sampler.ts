import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { askedOf, type LaneCalls } from '../activities/laneCalls.ts';
import type { CountLanes, ListedLane, ListLanes } from '../activities/laneList.ts';
import { type DeliveryState, toldState } from '../domain/lane.ts';
import { type DestinationSeen, destinationsIn, type OldestWaiting, type Seen } from '../domain/numbers.ts';
import { plainText } from '../domain/plainText.ts';
import type { Destinations } from '../store/destinations.ts';
import type { Numbers } from '../store/numbers.ts';
import { freshMs } from './destinationHealth.ts';

export type SamplerOptions = {
  numbers: Pick<Numbers, 'takeTurn' | 'leaveTurn' | 'keep' | 'forget'>;
  list: ListLanes;
  count: CountLanes;
  lanes: Pick<LaneCalls, 'status' | 'deadLetters'>;
  destinations: Pick<Destinations, 'pausedOf'>;
  logger: Logger;
};

const sampleEveryMs = 10_000;
/** A process that has not sampled for so long has lost its turn. */
const turnMs = 25_000;
const forgetEveryMs = 3_600_000;
/** Lanes of a page of visibility, and pages of one sample: with more lanes in trouble the next sample goes on. */
const lanesOfPage = 1_000;
const pagesOfSample = 5;
/** So many lanes are known at the most, of those in trouble. */
const knownMax = 200_000;
/** So many are asked themselves for each sample, and each again after so long, in ms. */
const askedOfSample = 20;
const askedAgainMs = 60_000;
const worstAsked = 10;
/** Of so many destinations in trouble the state is kept, the worst ones. */
const destinationsKept = 10_000;

type Told = {
  state: DeliveryState;
  atMs: number;
  waitingSince?: string;
  error?: { name: string; message: string };
  since?: string;
};
/** `sweep`: in which pass over all lanes in trouble it was listed last. */
type Known = { lane: ListedLane; sweep: number; told?: Told };

/**
 * Asks Temporal how all lanes stand, as little as may be, and leaves it in Postgres for every API process: of these one has the turn. What it costs is
 * in docs/decisions/counts.md.
 */
export class Sampler {
  private readonly holder = randomUUID();
  private readonly known = new Map<string, Known>();
  private timer: NodeJS.Timeout | undefined;
  private sampling: Promise<void> | undefined;
  /** The destinations that a person has paused, of those with suspended lanes. */
  private paused: ReadonlySet<string> = new Set();
  private sweep = 0;
  /** Where the next sample goes on in the list. */
  private token: string | undefined;
  /** Whether this pass found more lanes than can be known. */
  private isOverfull = false;
  /** When the last pass ended that saw all lanes. */
  private sweptAtMs = Number.NEGATIVE_INFINITY;
  private wholeSweeps = 0;
  private isFailing = false;
  private forgottenAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: SamplerOptions) {}

  start(): void {
    const look = (): void => {
      this.sampling ??= this.look().finally(() => {
        this.sampling = undefined;
      });
    };
    look();
    this.timer = setInterval(look, sampleEveryMs).unref();
  }

  /** Resolves when no sample is under way. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.sampling;
  }

  private async look(): Promise<void> {
    const { numbers, logger } = this.options;
    try {
      if (!(await numbers.takeTurn(this.holder, turnMs))) return this.startAnew();
      await this.sample();
      this.isFailing = false;
      if (performance.now() - this.forgottenAtMs < forgetEveryMs) return;
      this.forgottenAtMs = performance.now();
      await numbers.forget();
    } catch (err) {
      if (!this.isFailing) logger.warn({ err }, 'how the lanes stand could not be sampled: it is tried again');
      this.isFailing = true;
      // Another process may reach what this one does not. Where there is none, or Postgres is away, this one tries again.
      await numbers.leaveTurn(this.holder).catch(() => undefined);
    }
  }

  /** Another process samples: what this one knows grows old. */
  private startAnew(): void {
    this.known.clear();
    this.token = undefined;
    this.wholeSweeps = 0;
    this.sweptAtMs = Number.NEGATIVE_INFINITY;
  }

  private async sample(): Promise<void> {
    const running = await this.options.count({});
    const isWhole = await this.list();
    const suspended = [...this.known.values()].filter(({ lane }) => lane.state === 'Suspended');
    const ids = new Set(suspended.map(({ lane }) => lane.destinationId));
    const paused = ids.size === 0 ? new Set<string>() : await this.options.destinations.pausedOf([...ids]);
    // What they said before the pause may have been mended since.
    for (const known of suspended) {
      if (paused.has(known.lane.destinationId) && !this.paused.has(known.lane.destinationId)) delete known.told;
    }
    this.paused = paused;
    const counts = isWhole ? this.countsKnown() : await this.countsAsked();
    const deadLetters = sumOf(this.known.values(), ({ lane }) => lane.deadLetters);
    const all = destinationsIn([...this.known.values()].map((known) => this.told(known)));
    // One lane of each, in its worst state: who asks it hears what is wrong.
    const examples = this.examplesOf(all);
    await this.ask(examples);
    const { Waiting, Suspended, Parked, Paused } = counts;
    const seen: Seen = {
      lanes: { ...counts, Delivering: Math.max(running - Waiting - Suspended - Parked - Paused, 0) },
      deadLetters,
      ...((this.wholeSweeps === 0 || this.isOverfull) && { deadLettersAtLeast: true }),
      suspendedDestinations: all.filter(({ lanes }) => (lanes.Suspended ?? 0) > 0).length,
      oldestWaiting: this.oldest(),
      isWhole: performance.now() - this.sweptAtMs < freshMs && all.length <= destinationsKept,
    };
    const kept = all
      .slice(0, destinationsKept)
      .map((one) => ({ ...one, ...reasonIn(examples.get(one.destinationId)) }));
    await this.options.numbers.keep(seen, kept);
  }

  /** Lists lanes in trouble, from where the last sample came to. Whether these are all of them. */
  private async list(): Promise<boolean> {
    const isFromStart = this.token === undefined;
    if (isFromStart) {
      this.sweep++;
      this.isOverfull = false;
    }
    for (let pages = 0; pages < pagesOfSample; pages++) {
      const query = { isTroubled: true, lanesMax: lanesOfPage, isOwn: true, token: this.token };
      const { lanes, token } = await this.options.list(query).catch((error: unknown) => {
        this.token = undefined;
        throw error;
      });
      for (const lane of lanes) this.note(lane);
      this.token = token;
      if (token === undefined) break;
    }
    if (this.token !== undefined) return false;
    for (const [workflowId, { sweep }] of this.known) if (sweep < this.sweep) this.known.delete(workflowId);
    this.wholeSweeps++;
    this.sweptAtMs = this.isOverfull ? Number.NEGATIVE_INFINITY : performance.now();
    return isFromStart;
  }

  private note(lane: ListedLane): void {
    const before = this.known.get(lane.workflowId);
    if (!before && this.known.size >= knownMax) {
      this.isOverfull = true;
      return;
    }
    // What its run before was held for may be mended; dead letters go along.
    const isOfRun = before?.lane.runId === lane.runId || lane.state === 'Parked';
    const told = isOfRun && before?.told?.state === lane.state ? before.told : undefined;
    this.known.set(lane.workflowId, { lane, sweep: this.sweep, ...(told && { told }) });
  }

  private countsKnown(): Omit<Seen['lanes'], 'Delivering'> {
    const counts = { Waiting: 0, Suspended: 0, Parked: 0, Paused: 0 };
    for (const known of this.known.values()) {
      const state = this.stateOf(known);
      if (state !== 'Delivering') counts[state]++;
    }
    return counts;
  }

  /** Under a pause too, what a lane said it is held for is to be mended. Once the destination is resumed, what it said before is old. */
  private stateOf({ lane: { state, destinationId }, told }: Known): DeliveryState {
    return this.paused.has(destinationId) ? toldState(state, { isPaused: true, error: told?.error }) : state;
  }

  private told(known: Known): ListedLane {
    return { ...known.lane, state: this.stateOf(known) };
  }

  private async countsAsked(): Promise<Omit<Seen['lanes'], 'Delivering'>> {
    const { count } = this.options;
    // Temporal counts them as suspended; those that are known yet are told as what they are.
    const paused = sumOf(this.known.values(), (known) => (this.stateOf(known) === known.lane.state ? 0 : 1));
    return {
      Waiting: await count({ states: ['Waiting'] }),
      Suspended: Math.max((await count({ states: ['Suspended'] })) - paused, 0),
      Parked: await count({ states: ['Parked'] }),
      Paused: (await count({ states: ['Paused'] })) + paused,
    };
  }

  /** Asks some lanes themselves: of each of the worst destinations one, then those that were asked longest ago. */
  private async ask(examples: ReadonlyMap<string, Known>): Promise<void> {
    const dueMs = Date.now() - askedAgainMs;
    const isDue = ({ told }: Known): boolean => told === undefined || told.atMs < dueMs;
    const first = [...examples.values()].slice(0, worstAsked);
    const others = [...this.known.values()]
      .filter(({ lane }) => lane.state !== 'Parked' && lane.state !== 'Delivering')
      .toSorted((a, b) => (a.told?.atMs ?? 0) - (b.told?.atMs ?? 0));
    const due = [...new Set([...first, ...others])].filter(isDue).slice(0, askedOfSample);
    await askedOf(due, async (known) => {
      const told = await this.toldBy(known.lane);
      if (told) known.told = told;
    });
  }

  private examplesOf(destinations: readonly DestinationSeen[]): Map<string, Known> {
    const byState = new Map<string, Known>();
    for (const known of this.known.values()) byState.set(`${known.lane.destinationId} ${this.stateOf(known)}`, known);
    return new Map(
      destinations.flatMap(({ destinationId, state }) => {
        const known = byState.get(`${destinationId} ${state}`);
        return known ? [[destinationId, known] as const] : [];
      }),
    );
  }

  private async toldBy({ workflowId, state }: ListedLane): Promise<Told | undefined> {
    const { lanes } = this.options;
    const atMs = Date.now();
    if (state === 'Parked') {
      const letters = await lanes.deadLetters(workflowId);
      const [first] = Array.isArray(letters) ? letters : [];
      const last = Array.isArray(letters) ? letters.at(-1) : undefined;
      return first && last && { state, atMs, error: shortened(last.error), since: first.parkedAt };
    }
    const status = await lanes.status(workflowId);
    if (status === undefined || status === 'gone') return undefined;
    const { hold, waitingSince } = status;
    return {
      ...{ state, atMs },
      ...(waitingSince !== undefined && { waitingSince }),
      ...(hold && { error: shortened(hold.error), since: hold.since }),
    };
  }

  private oldest(): OldestWaiting | undefined {
    let oldest: OldestWaiting | undefined;
    for (const known of this.known.values()) {
      const { lane, told } = known;
      const { waitingSince: acceptedAt } = told ?? {};
      if (acceptedAt === undefined || (oldest && oldest.acceptedAt <= acceptedAt)) continue;
      oldest = { acceptedAt, destinationId: lane.destinationId, lane: lane.lane, state: this.stateOf(known) };
    }
    return oldest;
  }
}

const reasonIn = (known: Known | undefined): Pick<DestinationSeen, 'error' | 'since'> => ({
  error: known?.told?.error,
  since: known?.told?.since,
});

const nameCharsMax = 100;
const messageCharsMax = 300;
/** Brokers have a say in it, and one text that Postgres refuses would be the end of every customer's numbers. */
const shortened = ({ name, message }: { name: string; message: string }) => ({
  name: plainText(name, nameCharsMax),
  message: plainText(message, messageCharsMax),
});

const sumOf = <One>(all: Iterable<One>, of: (one: One) => number): number => {
  let sum = 0;
  for (const one of all) sum += of(one);
  return sum;
};
