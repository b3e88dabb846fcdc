/** What signals and queries of a lane carry. A signal may come by hand: what does not fit changes nothing. */
import { type Block, isWholeBlock } from './block.ts';
import { digestOfEventId } from './eventId.ts';
import { isObject } from './isObject.ts';
import { isReplayId } from './replayId.ts';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value.slice(0, 1_000) : undefined);

/** The digests that a signal selects, `'all'`, or undefined where the signal is malformed. */
export type Selected = {
  digests: ReadonlySet<string> | 'all';
  reason: string | undefined;
  by: string | undefined;
  /** Names the request that it is for, which may come again: absent where nothing does. */
  request?: string | undefined;
};

/**
 * Reads `{ids:["evt_…"]}` or `{all:true}`, each with `reason` and `by`. `bare` is what a signal without any input means:
 * everything for `replay`, nothing for `discard`. `about`, beside it, may name the request: `{request}`.
 */
export function selectionFrom(input: unknown, bare: 'all' | 'nothing', about?: unknown): Selected | undefined {
  const selected = selectedBy(input, bare);
  const request = isObject(about) ? textOf(about.request) : undefined;
  return selected && (request === undefined ? selected : { ...selected, request });
}

function selectedBy(input: unknown, bare: 'all' | 'nothing'): Selected | undefined {
  if (input === undefined || input === null) return bare === 'all' ? everything({}) : undefined;
  // A name that is none of these is a slip: who wrote `id` for `ids` did not mean everything.
  if (!isObject(input) || Object.keys(input).some((name) => !selectionFields.has(name))) return undefined;
  if (input.ids === undefined) {
    if (input.all === true || (input.all === undefined && bare === 'all')) return everything(input);
    return undefined;
  }
  if (!Array.isArray(input.ids) || input.ids.length === 0 || input.all !== undefined) return undefined;
  const ids = input.ids.filter((id) => typeof id === 'string');
  if (ids.length !== input.ids.length) return undefined;
  return {
    digests: new Set(ids.map((id) => digestOfEventId(id) ?? id)),
    reason: textOf(input.reason),
    by: textOf(input.by),
  };
}

const selectionFields: ReadonlySet<string> = new Set(['ids', 'all', 'reason', 'by']);

const everything = (input: Record<string, unknown>): Selected => ({
  digests: 'all',
  reason: textOf(input.reason),
  by: textOf(input.by),
});

export const isSelected = (selected: Selected, digest: string): boolean =>
  selected.digests === 'all' || selected.digests.has(digest);

/** The reason and name in a `pause` or `resume`, each optional. */
export const noteFrom = (input: unknown): { reason?: string | undefined; by?: string | undefined } =>
  isObject(input) ? { reason: textOf(input.reason), by: textOf(input.by) } : {};

/** Whether a signal's input is of the kind that the signal may have: `pause` and `resume` have a note, or none. */
export const isFitting = (signalName: string, input: unknown): boolean =>
  !notedSignals.has(signalName) || input === undefined || input === null || isNote(input);
// Who gave `ids` meant some events, not the lane.
const isNote = (input: unknown): boolean =>
  isObject(input) &&
  Object.entries(input).every(
    ([name, value]) => noteFields.has(name) && (value === undefined || typeof value === 'string'),
  );
const noteFields: ReadonlySet<string> = new Set(['reason', 'by']);
const notedSignals: ReadonlySet<string> = new Set(['pause', 'resume']);

/** What a `resend` carries beside its block. Parts of one replay come in order: first by `round`, then by `part`. */
export type ResendNote = {
  replay: string;
  round: number;
  part: number;
  reason?: string | undefined;
  by?: string | undefined;
};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** The note of a `resend`, or undefined where it is malformed. */
export function resendNoteFrom(input: unknown): ResendNote | undefined {
  if (!isObject(input)) return undefined;
  const { replay, round, part } = input;
  if (!isReplayId(replay) || !isCount(round) || !isCount(part)) return undefined;
  return { replay, round, part, reason: textOf(input.reason), by: textOf(input.by) };
}

const isEntry = (value: unknown): boolean =>
  isObject(value) &&
  typeof value.id === 'string' &&
  typeof value.key === 'string' &&
  Number.isInteger(value.length) &&
  (value.again === undefined || typeof value.again === 'string');

/** The block in an `enqueue`, or undefined where it is none. */
export function blockFrom(input: unknown): Block | undefined {
  if (!isObject(input) || !Array.isArray(input.entries) || !ArrayBuffer.isView(input.bodies)) return undefined;
  if (!input.entries.every(isEntry)) return undefined;
  if (!Number.isFinite(input.acceptedAtMs) || !Number.isFinite(input.quietMs)) return undefined;
  const block = input as Block; // What is read of it has been checked, or is checked next.
  return isWholeBlock(block) ? block : undefined;
}
