/** The keeper of a destination: what it is told, what it decides. Pure; workflows/keeper.ts waits, calls and remembers. */
import type { NamedTries } from './failures.ts';
import { canBeShownMended, type Fault, type Found } from './laneHold.ts';

export const keeperWorkflowType = 'keeper';
export const keeperWorkflowId = (destinationId: string): string => `destination:${destinationId}`;
/** Its activities have a queue of their own: one that watches for minutes must not take a place from lanes that deliver. */
export const keeperTaskQueue = (taskQueue: string): string => `${taskQueue}:keeper`;

export const keeperSignals = {
  /** A worker's: lanes hold for the destination. */
  held: 'held',
  /** The API's: the destination was changed. */
  changed: 'changed',
} as const;
export const keeperQueries = { status: 'status' } as const;

export type KeeperStart = { destinationId: string };

/** What a worker tells of lanes that hold. */
export type Told = {
  /** How many had only just been let go on. */
  relapsed: number;
  /** What those are held for that are suspended. */
  faults: Fault[];
};

/** What the watch activity answers. */
export type Seen = {
  /** How many lanes hold, as visibility, which lags behind, shows them. */
  held: { waiting: number; suspended: number };
} & (
  | ({ kind: 'up' } & Found)
  /** Still down when the activity's time was over. */
  | { kind: 'down'; failing: Failing; version?: number | undefined }
  | { kind: 'atFault'; failing: Failing; version?: number | undefined }
);

/** An error that the probe meets again and again. */
export type Failing = NamedTries & {
  code?: number | undefined;
  message: string;
  /** When a probe failed first, with whichever error: the name may change from probe to probe. Absent from a version before this one. */
  downSinceMs?: number | undefined;
};

export type WatchRequest = {
  destinationId: string;
  /** The destination has this version, or a later one. */
  version?: number | undefined;
  failing?: Failing | undefined;
};

export type LanesToTell = {
  destinationId: string;
  /** The states of the lanes that are meant. */
  states: ('Waiting' | 'Suspended')[];
  signal: 'wake' | 'suspend';
  input: unknown;
  lanesMax: number;
  /** Where the last call stopped. */
  page?: string | undefined;
};
/** How many lanes were told, and where the next call goes on; absent where there are no more. */
export type LanesTold = { lanes: number; page?: string | undefined };

/**
 * The first lanes that are let go on, alone. A probe asks for metadata and writes nothing, so it can go through where writing
 * still fails (too few replicas): should these come back, the others stay where they are.
 */
export const scoutsMax = 4;
/** Lanes of one call: a worker that is killed in it costs its successor so many at the most. */
export const lanesOfCallMax = 500;
/** How long the scouts have to come back, in ms. */
export const scoutMs = 2_000;

export type KeeperState = {
  /** When a worker told of a lane that holds, or a lane was let go on: visibility may not show it yet. */
  newsAtMs: number;
  isTold: boolean;
  isChanged: boolean;
  /** The version that the API changed the destination to. */
  version: number | undefined;
  /** When a worker told last of a lane that holds. */
  toldAtMs: number;
  /**
   * The version of which every suspended lane was told that it can be delivered to, since a worker told of a fault that a probe
   * can show mended. Those that are still suspended need another version, or a person.
   */
  suspendedToldOf: number | undefined;
  /** Lanes that the last round let go on; while it lasts, 0. */
  letGo: number;
  /** Lanes that came back since that round began. */
  relapsed: number;
  /** Rounds in a row, before that one, of which too many came back. */
  brokenRounds: number;
  /** Looks since a worker told of a lane. */
  looks: number;
  /** Looks that found it up since a worker told of a lane. */
  calmLooks: number;
  /** Looks in a row that found the destination at fault. */
  faultLooks: number;
  seen: Seen | undefined;
};

export const newKeeperState = (nowMs: number): KeeperState => ({
  newsAtMs: nowMs,
  isTold: false,
  isChanged: false,
  version: undefined,
  toldAtMs: nowMs,
  suspendedToldOf: undefined,
  letGo: 0,
  relapsed: 0,
  brokenRounds: 0,
  looks: 0,
  calmLooks: 0,
  faultLooks: 0,
  seen: undefined,
});

export function told(state: KeeperState, { relapsed, faults }: Told, nowMs: number): KeeperState {
  return {
    ...state,
    newsAtMs: nowMs,
    toldAtMs: nowMs,
    isTold: true,
    looks: 0,
    calmLooks: 0,
    relapsed: state.relapsed + relapsed,
    suspendedToldOf: faults.some(({ name }) => canBeShownMended(name)) ? undefined : state.suspendedToldOf,
  };
}

export const changed = (state: KeeperState, version: number | undefined): KeeperState => ({
  ...state,
  isChanged: true,
  faultLooks: 0,
  version: version === undefined ? state.version : Math.max(version, state.version ?? 0),
});

/** The state when it looks at the destination: whatever it was told of is being seen to now. */
export const looking = (state: KeeperState): KeeperState => ({ ...state, isTold: false, isChanged: false });

export const watchRequestOf = ({ destinationId }: KeeperStart, { seen, version }: KeeperState): WatchRequest => ({
  destinationId,
  version,
  failing: seen && seen.kind !== 'up' ? seen.failing : undefined,
});

export function looked(state: KeeperState, seen: Seen): KeeperState {
  return {
    ...state,
    seen,
    looks: state.looks + 1,
    faultLooks: seen.kind === 'atFault' ? state.faultLooks + 1 : 0,
    calmLooks: seen.kind === 'up' ? state.calmLooks + 1 : 0,
  };
}

/** Whether a round of lanes to let go on has work: lanes wait, or are suspended for what may be mended by now. */
export const hasRound = (state: KeeperState, seen: Seen): seen is Up =>
  seen.kind === 'up' && (seen.held.waiting > 0 || concernsSuspended(state, seen));

type Up = Seen & { kind: 'up' };
const concernsSuspended = (state: KeeperState, seen: Up): boolean =>
  seen.held.suspended > 0 && state.suspendedToldOf !== seen.version;

export function roundBegun(
  state: KeeperState,
  seen: Up,
): { state: KeeperState; toTell: Omit<LanesToTell, 'destinationId' | 'lanesMax'> } {
  const { version, canWrite } = seen;
  const input: Found = canWrite === undefined ? { version } : { version, canWrite };
  const states: LanesToTell['states'] = concernsSuspended(state, seen) ? ['Waiting', 'Suspended'] : ['Waiting'];
  const brokenRounds = isLastBroken(state) ? state.brokenRounds + 1 : 0;
  return { state: { ...state, letGo: 0, relapsed: 0, brokenRounds }, toTell: { states, signal: 'wake', input } };
}

/** Whether so many of the lanes that were let go on came back that the destination can't be said to be up. */
export const isBroken = (state: KeeperState, letGo: number): boolean => letGo > 0 && state.relapsed * 2 >= letGo;
/** The same of the round that is over: lanes come back after it, too, for a write may take long to fail. */
const isLastBroken = (state: KeeperState): boolean => isBroken(state, state.letGo);

/** A lane that a worker told of longer ago than this was in the lists of a round, in ms: visibility is seldom seconds late. */
export const listedAfterMs = 10_000;

export function roundEnded(
  state: KeeperState,
  seen: Up,
  { lanes, beganAtMs, nowMs }: { lanes: number; beganAtMs: number; nowMs: number },
): KeeperState {
  const wasBroken = isBroken(state, lanes);
  const wasForAll = !wasBroken && seen.held.suspended > 0 && beganAtMs - state.toldAtMs >= listedAfterMs;
  return {
    ...state,
    newsAtMs: lanes > 0 ? nowMs : state.newsAtMs,
    letGo: lanes,
    suspendedToldOf: wasForAll ? seen.version : state.suspendedToldOf,
  };
}

/** What lanes are told that wait for what has lasted, and is the destination's fault by now. */
export const suspensionOf = (seen: Seen & { kind: 'atFault' }): Omit<LanesToTell, 'destinationId' | 'lanesMax'> => ({
  states: ['Waiting'],
  signal: 'suspend',
  input: {
    error: { name: seen.failing.name, code: seen.failing.code, message: seen.failing.message },
    version: seen.version,
  },
});

/** The state when it has told lanes so: they are to hear when it is mended. */
export const suspensionBegun = (state: KeeperState, nowMs: number): KeeperState => ({
  ...state,
  newsAtMs: nowMs,
  suspendedToldOf: undefined,
});

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
/** So long after the last news a lane that holds is surely visible, in ms, … */
const visibleAfterMs = 2 * minuteMs;
/** … and after so many looks, each later than the one before: had all workers been gone for that time, the lane had no part in it. */
const looksMin = 5;
/** Looks at a destination that only a person can mend, should the API's word be lost; in ms. */
const idleMs = 15 * minuteMs;
const doubled = (firstMs: number, times: number, mostMs: number): number =>
  Math.min(firstMs * 2 ** Math.max(times, 0), mostMs);
/** What only a person's change through our own API ends. */
const isOurs = ({ name }: Failing): boolean =>
  name === 'DESTINATION_DISABLED' || name === 'DESTINATION_PAUSED' || name === 'DESTINATION_UNKNOWN';

/** How long to wait until the next look, in ms. */
export function pauseMs(state: KeeperState, seen: Seen): number {
  if (seen.kind === 'down') return 0; // The activity has waited.
  if (seen.kind === 'atFault') {
    return isOurs(seen.failing) ? idleMs : doubled(5 * secondMs, state.faultLooks - 1, 5 * minuteMs);
  }
  if (isLastBroken(state)) return doubled(5 * secondMs, state.brokenRounds, 5 * minuteMs);
  if (seen.held.waiting > 0 || seen.held.suspended === 0 || concernsSuspended(state, seen)) {
    return doubled(2 * secondMs, state.calmLooks - 1, minuteMs);
  }
  return idleMs;
}

/** Whether news ends that pause: not while lanes that came back are to be left alone for a while. */
export const isPauseOver = (state: KeeperState, seen: Seen): boolean =>
  state.isChanged || (state.isTold && seen.kind === 'up' && !isLastBroken(state));

/** Whether nothing is left to keep. */
export const isDone = (state: KeeperState, seen: Seen, nowMs: number): boolean =>
  !state.isTold &&
  !state.isChanged &&
  seen.held.waiting === 0 &&
  seen.held.suspended === 0 &&
  state.looks >= looksMin &&
  nowMs - state.newsAtMs >= visibleAfterMs;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isVersion = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
const isFault = (value: unknown): value is Fault =>
  isObject(value) && typeof value.name === 'string' && (value.version === undefined || isVersion(value.version));

/** The input of a `held`, or undefined where it is malformed. */
export function toldFrom(input: unknown): Told | undefined {
  if (!isObject(input) || !Array.isArray(input.faults) || !input.faults.every(isFault)) return undefined;
  const { relapsed, faults } = input;
  if (!Number.isSafeInteger(relapsed) || Number(relapsed) < 0) return undefined;
  return { relapsed: Number(relapsed), faults };
}

/** What a `changed` says, or undefined where it is malformed. */
export function changeFrom(input: unknown): { version: number | undefined } | undefined {
  if (input === undefined) return { version: undefined };
  return isObject(input) && isVersion(input.version) ? { version: input.version } : undefined;
}
