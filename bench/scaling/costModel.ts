/** What deliveries cost in Temporal and in CPU, from measurements: docs/scaling.md. Rates are per second. */
import { blockEventsMax } from '../../domain/block.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';

/** CPU of API, worker and Temporal together, in ms. */
export type CpuCosts = { event: number; post: number; signal: number; batch: number; second: number };

/** Fitted to ten loads of one run (bench/results/2026-11-28-all-targets.json), which it tells to within 8 %. */
export const measuredCpuMs: CpuCosts = { event: 0.109, post: 0.131, signal: 9.13, batch: 10.74, second: 257 };

/** A lane of one event, in a workflow of its own (docs/decisions/new-keys.md). */
export const newLane = { cpuMs: 38.4, transitions: 7, historyEvents: 12, actions: 2 } as const;

/** How many events a batch may hold (docs/decisions/batches.md). */
const batchEventsMax = 2_400;
/** From a signal being sent to its answer, in ms: a lane has one on its way at a time. */
const signalMs = 20;
/** From a batch being given out to the next one, in ms: a lane is serial. */
const cycleMs = 70;
/** Of each signal and batch: 1.08 in a lane with ten a second, 0.91 under full load, where those that come close together share one. */
const tasksPerStep = 1;
/** Scheduled, started, completed. */
const eventsOfTask = 3;
const eventsOfBatch = 3;
/** A task is started and completed, and so is a batch, which is scheduled by the end of a task. */
const transitionsOfTask = 2;
const transitionsOfBatch = 2;
/** Beside the values: what Temporal notes of each history event, in bytes. */
const bytesOfHistoryEvent = 150;
/** Values are in the signal, and once more in the batch's input; compressed to this share. */
const timesStored = 2;
const compressedShare = 0.3;

export type Scene = {
  eventsPerSecond: number;
  /** Lanes that events come for at the same rate. */
  lanes: number;
  eventsPerPost: number;
  lingerMs: number;
  /** Of one event's value. */
  eventBytes: number;
};

export type Cost = {
  signals: number;
  batches: number;
  transitions: number;
  historyEvents: number;
  historyBytes: number;
  /** As Temporal Cloud counts them: signals, tries of activities, starts of runs and timers. */
  actions: number;
  /** Processors' worth of API, worker and Temporal together. */
  cores: number;
};

/**
 * How often a lane is signalled whose events come at random: a gap after each signal, and then the wait for the next event; more
 * often where blocks are full before.
 */
export function signalsOfLane(eventsPerSecond: number, lingerMs: number): number {
  const gapS = Math.max(lingerMs, signalMs) / 1_000;
  const untilNextS = Math.exp(-eventsPerSecond * gapS) / eventsPerSecond;
  return Math.max(1 / (gapS + untilNextS), eventsPerSecond / blockEventsMax);
}

/** How many batches so many signals become: a lane works at one at a time. */
export const batchesOfLane = (eventsPerSecond: number, signals: number): number =>
  Math.max(Math.min(signals, 1_000 / cycleMs), eventsPerSecond / batchEventsMax);

/** CPU in ms of what was counted of a load. */
export const cpuMsOf = (
  { events, posts, signals, batches, seconds }: Counted,
  costs: CpuCosts = measuredCpuMs,
): number =>
  events * costs.event + posts * costs.post + signals * costs.signal + batches * costs.batch + seconds * costs.second;

export type Counted = { events: number; posts: number; signals: number; batches: number; seconds: number };

/** What a load costs each second. Throws where a rate or a number of lanes is not over 0. */
export function costOf(scene: Scene): Cost {
  const { eventsPerSecond, lanes, eventsPerPost, lingerMs, eventBytes } = scene;
  if (!(eventsPerSecond > 0 && lanes > 0 && eventsPerPost > 0))
    throw new RangeError('eventsPerSecond, lanes and eventsPerPost must be over 0.');
  const ofLane = eventsPerSecond / lanes;
  const signals = lanes * signalsOfLane(ofLane, lingerMs);
  const batches = lanes * batchesOfLane(ofLane, signals / lanes);
  const tasks = tasksPerStep * (signals + batches);
  const historyEvents = signals + eventsOfTask * tasks + eventsOfBatch * batches;
  const historyBytes =
    timesStored * compressedShare * eventBytes * eventsPerSecond + bytesOfHistoryEvent * historyEvents;
  const { historyEventsMax, historyBytesMax } = defaultLaneLimits;
  const runs = Math.max(historyEvents / historyEventsMax, historyBytes / historyBytesMax);
  const counted = { events: eventsPerSecond, posts: eventsPerSecond / eventsPerPost, signals, batches, seconds: 0 };
  return {
    signals,
    batches,
    transitions: signals + transitionsOfTask * tasks + transitionsOfBatch * batches + runs,
    historyEvents,
    historyBytes,
    actions: signals + batches + 2 * runs,
    cores: cpuMsOf(counted) / 1_000,
  };
}

/** The same where each event has a lane of its own, which closes after it. */
export const costOfNewLanes = (eventsPerSecond: number): Omit<Cost, 'historyBytes'> => ({
  signals: eventsPerSecond,
  batches: eventsPerSecond,
  transitions: newLane.transitions * eventsPerSecond,
  historyEvents: newLane.historyEvents * eventsPerSecond,
  actions: newLane.actions * eventsPerSecond,
  cores: (newLane.cpuMs * eventsPerSecond) / 1_000,
});
