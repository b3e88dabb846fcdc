/** Finds what strayed over resets, in the histories that Temporal still has. Asks Temporal alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import {
  type Block,
  type BlockEntry,
  blockBytes,
  blockBytesMax,
  blockOf,
  deliveriesOf,
  filterBlock,
} from '../domain/block.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import { blockFrom, type ResendNote, resendNoteFrom } from '../domain/laneSignals.ts';
import { noteSettled, nothingSettled } from '../domain/settledBefore.ts';
import { type Stray, type Strays, straysChanged } from '../domain/strays.ts';
import { beating } from './beating.ts';
import { type HistoryEvent, resetIn } from './historyEvent.ts';
import type { LaneHistories } from './laneHistory.ts';
import type { LaneRuns } from './laneRuns.ts';

export type StrayActivity = {
  strays(): Promise<Strays>;
  /** The block of that position among them: a payload has one at the most. Rejects with {@link straysChanged}, where it is another. */
  stray(request: { at: number; name?: string | undefined }): Promise<Block>;
};
export type StrayDependencies = {
  histories: Pick<LaneHistories, 'run' | 'eachEvent' | 'signalInputs'>;
  runs: LaneRuns;
};

const heartbeatEveryMs = 3_000;
/** Visibility lags behind. In ms. */
const listedWithinMs = 10_000;
const looksEveryMs = 500;
/** Who terminates the run that is there when a lane is reset, in Temporal's words. What a person terminates is given up. */
const resetter = 'history-resetter';

/** The activities of a run that a reset made: what the lane accepted and Temporal gave to no run that is left. */
export function createStrayActivity(known: StrayDependencies): StrayActivity {
  let kept: { runId: string; found: Promise<Stray[]> } | undefined;
  const found = (): Promise<Stray[]> => {
    const { workflowId = '', runId = '' } = Context.current().info.workflowExecution ?? {};
    // The runs are closed, so whoever looks finds the same, as long as retention leaves them.
    const finding = kept?.runId === runId ? kept.found : straysOf(known, workflowId, runId);
    kept = { runId, found: finding };
    finding.catch(() => {
      kept = undefined;
    });
    return finding;
  };
  return {
    strays: () =>
      beating(heartbeatEveryMs, async () => {
        const blocks = (await found()).map(({ block, ...head }) => ({ ...head, name: nameOf(block) }));
        return { runId: Context.current().info.workflowExecution?.runId ?? '', blocks };
      }),
    stray: ({ at, name }) =>
      beating(heartbeatEveryMs, async () => {
        const one = (await found())[at];
        if (one && (name === undefined || name === nameOf(one.block))) return one.block;
        throw ApplicationFailure.nonRetryable(`At position ${at} is another block than before.`, straysChanged);
      }),
  };
}

const nameOf = ({ entries }: Block): string => `${entries.length} ${entries[0]?.id} ${entries.at(-1)?.id}`;

/** Few large blocks in place of many small ones, all of one chain; a replay's parts stay what they are. */
function joined(strays: readonly Stray[]): Stray[] {
  const all: Stray[] = [];
  for (const stray of strays) {
    const open = all.at(-1);
    const fits = open && !open.note && blockBytes(open.block) + blockBytes(stray.block) <= blockBytesMax;
    if (!fits || stray.note) all.push(stray);
    else {
      const block = blockOf([open.block, stray.block].flatMap(deliveriesOf), open.block.acceptedAtMs, 0);
      all.splice(-1, 1, { ...open, block });
    }
  }
  return all;
}

/** In the order of their acceptance, which is that of Temporal's history: clocks of those who accepted them may differ. */
async function straysOf(known: StrayDependencies, workflowId: string, runId: string): Promise<Stray[]> {
  const { histories } = known;
  const resets = (await histories.run(workflowId, runId))?.resets ?? [];
  const bases = new Set(resets.map(({ baseRunId }) => baseRunId));
  const chains: string[][] = [];
  for (const last of await terminated(known, workflowId, runId)) {
    const chain = await chainTo(known, workflowId, last, bases);
    if (chain.length > 0) chains.unshift(chain); // Visibility lists what closed last first.
  }
  if (chains.length === 0) return [];
  const settled = nothingSettled();
  for (const chain of chains) {
    settled.parked.clear(); // Another chain's dead letters are not this one's.
    for (const id of chain) noteSettled(settled, (await histories.run(workflowId, id))?.records ?? []);
  }
  const { given, before } = await givenTo(histories, workflowId, runId);
  const isOpen = ({ id }: BlockEntry): boolean =>
    !settled.delivered.has(id) && !settled.discarded.has(id) && !given.has(id);
  const strays: Stray[] = [];
  for (const chain of chains) {
    const came = joined(await straysIn(histories, workflowId, chain, isOpen));
    for (const { block, note, after = [] } of came) {
      const last = strays.findLast((one) => !one.note)?.block.entries.at(-1)?.id;
      strays.push({ block, note, before, after: last === undefined ? after : [...after, last] });
    }
    // What a later chain has of it was given to that by a reset.
    for (const { block, note } of came) if (!note) for (const { id } of block.entries) given.add(id);
  }
  return strays;
}

/** The runs that were terminated, once visibility shows no other open run than this one. */
async function terminated(
  { runs: { listed } }: StrayDependencies,
  workflowId: string,
  runId: string,
): Promise<string[]> {
  const untilMs = Date.now() + listedWithinMs;
  for (;;) {
    const open = await listed(workflowId, 'Running');
    if (String(open) === runId) return await listed(workflowId, 'Terminated');
    if (Date.now() >= untilMs) throw new Error('Visibility does not list yet that the run before the reset has ended.');
    await sleep(looksEveryMs);
  }
}

/** What lies between two resets is looked for over so many runs. */
const chainMax = 2_000;

/**
 * The runs that led to this one since a reset, or since the lane began, the oldest first. None where they go back to one of the bases
 * of this run's resets: from there on Temporal gave it all signals.
 */
async function chainTo(
  { runs }: StrayDependencies,
  workflowId: string,
  last: string,
  bases: ReadonlySet<string>,
): Promise<string[]> {
  const chain: string[] = [];
  let at: string | undefined = last;
  while (at !== undefined) {
    if (bases.has(at)) return [];
    // To go on without them would lose them: a person sees the activity fail.
    if (chain.length === chainMax) throw new Error(`More than ${chainMax} runs lie between two resets of the lane.`);
    chain.unshift(at);
    const origin: Awaited<ReturnType<LaneRuns['origin']>> = await runs.origin(workflowId, at);
    at = origin?.isReset ? undefined : origin?.previousRunId;
  }
  return chain;
}

/** A signal that brought a block. */
type Came = { block: Block; note?: ResendNote | undefined };

/** What Temporal gave to the run that the last reset made: all that came before it, and the first that came since. */
async function givenTo(
  histories: StrayDependencies['histories'],
  workflowId: string,
  runId: string,
): Promise<{ given: Set<string>; before: string | undefined }> {
  const given = new Set<string>();
  let before: string | undefined;
  // Behind a reset come the signals that are given once more, and only then a task.
  let isSince = false;
  let isReset = false;
  await histories.eachEvent(workflowId, runId, async (event) => {
    if (resetIn(event)) [isReset, isSince, before] = [true, false, undefined];
    else if (isReset && event.workflowTaskScheduledEventAttributes) isSince = true;
    const came = await cameIn(histories, event);
    if (!came || came.note) return;
    if (isSince) before ??= came.block.entries.find(({ id }) => !given.has(id))?.id;
    else for (const { id } of came.block.entries) given.add(id);
  });
  return { given, before };
}

/** What came in the runs of a chain and is open, but for what a reset copied; nothing where no reset ended it. */
async function straysIn(
  histories: StrayDependencies['histories'],
  workflowId: string,
  chain: readonly string[],
  isOpen: (entry: BlockEntry) => boolean,
): Promise<Stray[]> {
  const strays: Stray[] = [];
  let last: string | undefined;
  let isReset = false;
  for (const runId of chain) {
    const inRun: Stray[] = [];
    await histories.eachEvent(workflowId, runId, async (event) => {
      if (resetIn(event)) inRun.length = 0;
      isReset = event.workflowExecutionTerminatedEventAttributes?.identity === resetter;
      const came = await cameIn(histories, event);
      if (!came) return;
      if (came.note) return void inRun.push(came);
      const block = filterBlock(came.block, isOpen);
      if (block.entries.length > 0) inRun.push({ block, after: last === undefined ? [] : [last] });
      last = came.block.entries.at(-1)?.id;
    });
    strays.push(...inRun);
  }
  return isReset ? strays : [];
}

async function cameIn(
  histories: Pick<LaneHistories, 'signalInputs'>,
  { workflowExecutionSignaledEventAttributes: signal }: HistoryEvent,
): Promise<Came | undefined> {
  const isResend = signal?.signalName === laneSignals.resend;
  if (!isResend && signal?.signalName !== laneSignals.enqueue) return undefined;
  const [input, about] = (await histories.signalInputs(signal.input?.payloads)) ?? [];
  const block = blockFrom(input);
  if (!block) return undefined;
  const note = isResend ? resendNoteFrom(about) : undefined;
  return isResend && !note ? undefined : { block, note };
}
