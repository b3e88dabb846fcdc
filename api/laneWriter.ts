import { type Block, blockBytesMax, blockEventsMax, blockOf, type Delivery } from '../domain/block.ts';
import { CausewayError } from '../domain/error.ts';
import type { LaneStart } from '../domain/lane.ts';
import { shortQuietMs } from '../domain/quiet.ts';
import { LanePromises, longQuietMs } from './lanePromises.ts';
import { LaneSenders } from './laneSenders.ts';

/** Where a delivery goes: a lane, and how to start it where it isn't running. */
export type LaneTarget = { workflowId: string; start: LaneStart; lingerMs: number };
export type LaneDelivery = {
  target: LaneTarget;
  delivery: Delivery;
  /** The connection that waits for the answer, where it is known. */
  sender?: object | undefined;
};

/** Which run of the lane got a block, and how many bytes it takes in that run's history. */
export type StoredBlock = { runId: string; bytes: number };
/** Stores a block in Temporal. Rejects when it can't be known to be stored. */
export type SendBlock = (target: LaneTarget, block: Block) => Promise<StoredBlock>;
/** Resolves with whether the run has ended, when it has, or after so many ms. Never rejects. */
export type RunEnd = (workflowId: string, runId: string, withinMs: number) => Promise<boolean>;

export type LaneWriterOptions = {
  sendBlock: SendBlock;
  /** What waits for its signal may hold this much, in bytes of values; more is refused. */
  waitingBytesMax: number;
  /** How much later a lane's next block should go out after one of so many bytes, in ms, for the lane has not caught up. */
  backlogMs?: (workflowId: string, blockBytes: number) => number;
  /** A lane's run, where it is known to have grown so long that the lane wants to continue as new. */
  longRun?: (workflowId: string) => string | undefined;
  /** A long quiet is over once the lane has continued as new. Without this it lasts as long as it was promised. */
  runEnd?: RunEnd;
  /** Signals under way at once, over all lanes. */
  signalsInFlightMax?: number;
  /** Lanes that wait for their turn to send a signal; with more of them, events of yet other lanes are refused. */
  readyLanesMax?: number;
  /** A clock that nobody sets, in ms: one set back by an hour would keep hot lanes waiting that long. */
  now?: () => number;
};

type Waiting = {
  delivery: Delivery;
  sender: object | undefined;
  acceptedAtMs: number;
  stored: (receipt: { runId: string }) => void;
  failed: (error: unknown) => void;
};

type Lane = {
  target: LaneTarget;
  waiting: Waiting[];
  waitingBytes: number;
  senders: LaneSenders;
  inFlight: boolean;
  /** The next signal waits until then, in ms of `now`, unless a block is full or nothing more will come for it. */
  nextAtMs: number;
  /** Until then the lane was promised quiet, for it to continue as new in: not even a full block goes out. */
  quietUntilMs: number;
  /** Until then it should catch up: the same, but a new run does not end it. */
  pacedUntilMs: number;
  promises: LanePromises;
  /** The last run that is known to have ended in a long quiet. */
  endedRunId: string | undefined;
  timer: NodeJS.Timeout | undefined;
  scheduled: boolean;
};

/** One lane may have this share of the memory waiting, so that it can't keep the events of all others out. */
const laneShare = 1 / 8;
/** It may always have this much: with less its blocks would not be full. */
const laneBytesMin = 2 * blockBytesMax;
/** A hot lane's signals are spaced by its linger, and by no more than this: docs/decisions/quiet-signals.md. */
const spacingMsMax = 100;
/** At some 200 signals a second to new lanes, their senders wait for five seconds: more would be answered too late. */
const defaultReadyLanesMax = 1_000;

/**
 * The group commit of lanes: one signal per lane is in flight at a time, and what arrives meanwhile goes in the next.
 * Keeps the order of `submit` calls within a lane, loses nothing that it has answered for, and holds bounded memory.
 */
export class LaneWriter {
  private readonly lanes = new Map<string, Lane>();
  private readonly ready: Lane[] = [];
  private readonly now: () => number;
  private readonly signalsInFlightMax: number;
  private readonly readyLanesMax: number;
  private readonly laneBytesMax: number;
  private waitingBytes = 0;
  private signalsInFlight = 0;

  constructor(private readonly options: LaneWriterOptions) {
    this.now = options.now ?? (() => performance.now());
    this.signalsInFlightMax = options.signalsInFlightMax ?? 64;
    this.readyLanesMax = options.readyLanesMax ?? defaultReadyLanesMax;
    this.laneBytesMax = Math.max(laneBytesMin, options.waitingBytesMax * laneShare);
  }

  /**
   * Takes the deliveries of one event: all of them or, throwing `lane_full` or `overloaded`, none. Each promise resolves once
   * that delivery is stored in its lane's history, or rejects with what `sendBlock` rejected with.
   */
  submit(deliveries: readonly LaneDelivery[]): Promise<{ runId: string }>[] {
    for (const one of deliveries) this.checkLane(one);
    const bytes = deliveries.reduce((sum, { delivery }) => sum + delivery.value.length, 0);
    // With nothing waiting anything is taken: an event of many large deliveries could else never be stored.
    if (this.waitingBytes > 0 && this.waitingBytes + bytes > this.options.waitingBytesMax) {
      const remedy = 'More events are waiting to be stored than this process may hold. Send again after a second.';
      throw new CausewayError('overloaded', remedy);
    }
    return deliveries.map((one) => this.add(one));
  }

  /** Resolves when nothing waits and nothing is in flight. */
  async drained(): Promise<void> {
    while (this.waitingBytes > 0 || this.signalsInFlight > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  private checkLane({ target, delivery }: LaneDelivery): void {
    const waitingBytes = this.lanes.get(target.workflowId)?.waitingBytes ?? 0;
    if (waitingBytes === 0 && this.ready.length >= this.readyLanesMax) {
      throw new CausewayError(
        'overloaded',
        'More lanes have events to store than Temporal takes. Send again after a second.',
      );
    }
    if (waitingBytes === 0 || waitingBytes + delivery.value.length <= this.laneBytesMax) return;
    const remedy =
      'More events of this lane are waiting to be stored than one lane may hold. Send again after some seconds.';
    throw new CausewayError('lane_full', remedy);
  }

  private add({ target, delivery, sender }: LaneDelivery): Promise<{ runId: string }> {
    const lane = this.laneFor(target);
    const bytes = delivery.value.length;
    if (sender) lane.senders.sent(sender, this.now());
    this.waitingBytes += bytes;
    lane.waitingBytes += bytes;
    return new Promise((stored, failed) => {
      lane.waiting.push({ delivery, sender, acceptedAtMs: Date.now(), stored, failed });
      this.schedule(lane);
    });
  }

  private laneFor(target: LaneTarget): Lane {
    const known = this.lanes.get(target.workflowId);
    if (known) {
      known.target = target;
      return known;
    }
    const lane: Lane = {
      target,
      waiting: [],
      waitingBytes: 0,
      senders: new LaneSenders(),
      inFlight: false,
      nextAtMs: Number.NEGATIVE_INFINITY,
      quietUntilMs: Number.NEGATIVE_INFINITY,
      pacedUntilMs: Number.NEGATIVE_INFINITY,
      promises: new LanePromises(),
      endedRunId: undefined,
      timer: undefined,
      scheduled: false,
    };
    this.lanes.set(target.workflowId, lane);
    return lane;
  }

  /** Sees to it that the lane is looked at when its next signal is due, and once the current turn of the loop is over. */
  private schedule(lane: Lane): void {
    if (lane.inFlight || lane.scheduled) return;
    const nowMs = this.now();
    const spacedUntilMs = isComplete(lane, nowMs) ? nowMs : lane.nextAtMs;
    const waitMs = Math.max(spacedUntilMs, silentUntilMs(lane)) - nowMs;
    if (waitMs > 0) {
      clearTimeout(lane.timer);
      lane.timer = setTimeout(() => this.enter(lane), Math.ceil(waitMs));
      return;
    }
    clearTimeout(lane.timer);
    lane.timer = undefined;
    lane.scheduled = true;
    // After the turn: events that came in one request go in one block.
    setImmediate(() => this.enter(lane));
  }

  private enter(lane: Lane): void {
    lane.scheduled = true;
    lane.timer = undefined;
    this.ready.push(lane);
    this.startReady();
  }

  /** Lanes take turns in the order in which they became ready. */
  private startReady(): void {
    while (this.signalsInFlight < this.signalsInFlightMax) {
      const lane = this.ready.shift();
      if (!lane) return;
      lane.scheduled = false;
      if (lane.waiting.length === 0) this.rest(lane);
      else void this.signal(lane);
    }
  }

  private async signal(lane: Lane): Promise<void> {
    const group = this.takeBlock(lane);
    const { block, promisedMs } = this.blockFrom(lane, group);
    lane.inFlight = true;
    this.signalsInFlight++;
    try {
      const { runId } = await this.options.sendBlock(lane.target, block);
      if (promisedMs >= longQuietMs) this.keepLongQuiet(lane, runId, promisedMs);
      for (const { stored } of group) stored({ runId });
    } catch (error) {
      for (const { failed } of group) failed(error);
    }
    lane.inFlight = false;
    this.signalsInFlight--;
    for (const { delivery, sender } of group) {
      this.waitingBytes -= delivery.value.length;
      if (sender) lane.senders.answered(sender);
    }
    if (lane.waiting.length > 0) this.schedule(lane);
    else this.rest(lane);
    this.startReady();
  }

  private takeBlock(lane: Lane): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { delivery } of lane.waiting) {
      if (count > 0 && (count === blockEventsMax || bytes + delivery.value.length > blockBytesMax)) break;
      bytes += delivery.value.length;
      count++;
    }
    lane.waitingBytes -= bytes;
    return lane.waiting.splice(0, count);
  }

  /** The block, and how long a quiet the lane is promised with it for its own sake; a backlog's may make it longer. */
  private blockFrom(lane: Lane, group: readonly Waiting[]): { block: Block; promisedMs: number } {
    const nowMs = this.now();
    const isBusy = isComplete(lane, nowMs) || spacingMsOf(lane) < shortQuietMs;
    const bytes = group.reduce((sum, { delivery }) => sum + delivery.value.length, 0);
    const backlogMs = this.options.backlogMs?.(lane.target.workflowId, bytes) ?? 0;
    const longRun = this.options.longRun?.(lane.target.workflowId);
    const isLong = longRun !== undefined && longRun !== lane.endedRunId;
    const promisedMs = lane.promises.nextMs(isLong, isBusy, silentUntilMs(lane), nowMs);
    if (promisedMs > 0) lane.quietUntilMs = nowMs + promisedMs;
    if (backlogMs > 0) lane.pacedUntilMs = nowMs + backlogMs;
    lane.nextAtMs = nowMs + spacingMsOf(lane);
    const acceptedAtMs = Math.min(...group.map((waiting) => waiting.acceptedAtMs));
    const deliveries = group.map(({ delivery }) => delivery);
    return { block: blockOf(deliveries, acceptedAtMs, Math.max(promisedMs, backlogMs)), promisedMs };
  }

  /** The lane hears of a long quiet only once its signal is stored, and needs it no longer once it has continued as new. */
  private keepLongQuiet(lane: Lane, runId: string, quietMs: number): void {
    const { workflowId } = lane.target;
    lane.quietUntilMs = this.now() + quietMs;
    void this.options.runEnd?.(workflowId, runId, quietMs).then((isOver) => {
      if (!isOver || this.lanes.get(workflowId) !== lane) return;
      lane.quietUntilMs = this.now();
      lane.endedRunId = runId;
      this.schedule(lane);
    });
  }

  /** Forgets a lane with nothing to send, once its spacing is over. */
  private rest(lane: Lane): void {
    if (lane.inFlight || lane.waiting.length > 0) return;
    const leftMs = Math.max(lane.nextAtMs, silentUntilMs(lane)) - this.now();
    clearTimeout(lane.timer);
    lane.timer = undefined;
    if (leftMs <= 0) this.lanes.delete(lane.target.workflowId);
    else lane.timer = setTimeout(() => this.rest(lane), leftMs);
  }
}

/** Until when the lane is sent nothing, whatever comes. */
const silentUntilMs = ({ quietUntilMs, pacedUntilMs }: Lane): number => Math.max(quietUntilMs, pacedUntilMs);

const spacingMsOf = ({ target }: Lane): number => Math.min(target.lingerMs, spacingMsMax);

/** Whether to wait longer would bring the block nothing. */
const isComplete = (lane: Lane, nowMs: number): boolean => isFull(lane) || lane.senders.allWait(nowMs);

/** Whether what waits fills a block. */
const isFull = ({ waiting, waitingBytes }: Lane): boolean =>
  waiting.length >= blockEventsMax || waitingBytes >= blockBytesMax;
