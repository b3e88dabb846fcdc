/** A lane that stands still for its destination's sake: why, and what lets it go on. */
import type { Failed, Outcome } from './attempt.ts';
import { failureRowOf } from './failures.ts';

export type Hold = {
  /** `waiting`: the destination can't be reached now. `suspended`: it is itself at fault. */
  kind: 'waiting' | 'suspended';
  error: Failed;
  sinceMs: number;
  /** The version of the destination that the error was met with; absent where it could not be read. */
  version?: number | undefined;
  /** The lane looks by itself then, should the keeper's word be lost. */
  looksAtMs: number;
};

/** How a hold ended, as long as nothing has been settled since: the produce activity then has less patience. */
export type Resumed = {
  by: 'keeper' | 'person' | 'timer';
  from: Pick<Hold, 'kind' | 'error' | 'version'>;
  /** The destination has this version, or a later one: a worker that knows an older one has to wait for it. */
  version?: number | undefined;
  /** How many holds there were in a row. */
  holds: number;
};

/** What the keeper's probe has found out when it went through. */
export type Found = {
  version: number;
  /** Whether our principal may write to the topic; absent where the broker does not say. */
  canWrite?: boolean | undefined;
};

/** A lane looks for itself after this long, in ms; the activity spreads it where many lanes wait. */
export const lookAfterMsMin = 15 * 60_000;
/** It looks half as often with each hold in a row, so many times. */
const doublingsMax = 4;

/** The hold that an outcome says, or undefined where the lane may go on. */
export function holdFrom(outcome: Outcome, resumed: Resumed | undefined, nowMs: number): Hold | undefined {
  const { suspended, waiting, version, lookAfterMs = lookAfterMsMin } = outcome;
  if (suspended) return heldFor('suspended', suspended, { version, lookAfterMs, resumed, nowMs });
  if (waiting) return heldFor('waiting', waiting, { version, lookAfterMs, resumed, nowMs });
  return undefined;
}

export function heldFor(
  kind: Hold['kind'],
  error: Failed,
  about: { version?: number | undefined; lookAfterMs?: number; resumed: Resumed | undefined; nowMs: number },
): Hold {
  const { version, lookAfterMs = lookAfterMsMin, resumed, nowMs } = about;
  const doublings = Math.min(resumed?.holds ?? 0, doublingsMax);
  return { kind, error, sinceMs: nowMs, version, looksAtMs: nowMs + lookAfterMs * 2 ** doublings };
}

const resumedFrom = (
  { kind, error, version }: Hold,
  by: Resumed['by'],
  before: Resumed | undefined,
  found?: Found,
): Resumed => ({ by, from: { kind, error, version }, version: found?.version, holds: (before?.holds ?? 0) + 1 });

/** A fault by its name, and the version of the destination that it was met with. */
export type Fault = { name: string; version?: number | undefined };

/** Whether a probe that went through shows the fault mended: the destination is another since, or the probe would meet it. */
export function isMended({ name, version }: Fault, found: Found): boolean {
  if (version === undefined || version < found.version) return true;
  const { mendedBy } = failureRowOf(name);
  return mendedBy === 'probe' || (mendedBy === 'rights' && found.canWrite === true);
}

/** Whether a probe can show a fault of this name mended though the destination is the same. */
export const canBeShownMended = (name: string): boolean =>
  isMended({ name, version: 1 }, { version: 1, canWrite: true });

/** Whether the lane goes on at the keeper's word. */
const isLetGo = (hold: Hold, found: Found): boolean =>
  hold.kind === 'waiting' || isMended({ name: hold.error.name, version: hold.version }, found);

/** What ends the hold, for a person. */
export const holdRemedy = ({ kind, error }: Pick<Hold, 'kind' | 'error'>): string =>
  kind === 'suspended'
    ? error.remedy
    : `The destination is asked every few seconds, and the lane goes on when it answers. ${failureRowOf(error.name).remedy}`;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
const isVersion = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;

/** The input of a `wake`, or undefined where it is malformed. */
export function foundFrom(input: unknown): Found | undefined {
  if (!isObject(input) || !isVersion(input.version)) return undefined;
  const { version, canWrite } = input;
  if (canWrite !== undefined && typeof canWrite !== 'boolean') return undefined;
  return { version, canWrite };
}

/** The input of a `suspend`, or undefined where it is malformed. */
export function suspensionFrom(input: unknown): { error: Failed; version?: number | undefined } | undefined {
  if (!isObject(input) || !isObject(input.error)) return undefined;
  const { version } = input;
  if (version !== undefined && !isVersion(version)) return undefined;
  const { name, code, message } = input.error;
  if (typeof name !== 'string' || typeof message !== 'string') return undefined;
  if (code !== undefined && typeof code !== 'number') return undefined;
  const { remedy } = failureRowOf(name);
  return { error: { kind: 'destinationAtFault', name, ...(code !== undefined && { code }), message, remedy }, version };
}

type Holding = {
  hold: Hold | undefined;
  resumed: Resumed | undefined;
  /** A segment that can't be read holds the lane too: whatever a batch finds out meanwhile, and whatever the keeper says. */
  overflow: { lost?: Hold | undefined };
};

/** What the lane holds for, if anything: one for its destination's sake ends first. */
export const holdOf = ({ hold, overflow }: Omit<Holding, 'resumed'>): Hold | undefined => hold ?? overflow.lost;

/** The state with its holds ended, unchanged where there is none. */
export function letGo<State extends Holding>(state: State, by: Resumed['by'], found?: Found): State {
  const { hold, overflow, resumed } = state;
  const next = overflow.lost && by !== 'keeper' ? { ...state, overflow: { ...overflow, lost: undefined } } : state;
  return hold ? { ...next, hold: undefined, resumed: resumedFrom(hold, by, resumed, found) } : next;
}

/** The state after the keeper's `wake`: what holds for a fault that the probe does not show mended goes on holding. */
export const woken = <State extends Holding>(state: State, found: Found): State =>
  state.hold && isLetGo(state.hold, found) ? letGo(state, 'keeper', found) : state;

/** The state after the keeper's `suspend`: what waited has lasted, and is the destination's fault by now. */
export const nowSuspended = <State extends Holding>(
  state: State,
  { error, version }: { error: Failed; version?: number | undefined },
): State =>
  state.hold?.kind === 'waiting' ? { ...state, hold: { ...state.hold, kind: 'suspended', error, version } } : state;
