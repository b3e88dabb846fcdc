/** Finds what strayed over resets, in the histories that Temporal still has. Asks Temporal alone. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
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
import { blockFrom, resendNoteFrom } from '../domain/laneSignals.ts';
import { noteSettled, nothingSettled } from '../domain/settledBefore.ts';
import type { Stray, Strays } from '../domain/strays.ts';
import { beating } from './beating.ts';
import { type HistoryEvent, type LaneHistories, resetIn } from './laneHistory.ts';
import type { LaneRuns } from './laneRuns.ts';

export type StrayActivity = {
  strays(): Promise<Strays>;
  /** The block of that position among them: a payload has one at the most. */
  stray(request: { at: number }): Promise<Block>;
};
export type StrayDependencies = {
  histories: Pick<LaneHistories, 'run' | 'eachEvent' | 'signalInputs'>;
  runs: LaneRuns;
};

const heartbeatEveryMs = 4_000;
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
    // The runs are closed, so whoever looks finds the same.
    const finding = kept?.runId === runId ? kept.found : straysOf(known, workflowId, runId).then(joined);
    kept = { runId, found: finding };
    finding.catch(() => {
      kept = undefined;
    });
    return finding;
  };
  return {
    strays: () =>
      beating(heartbeatEveryMs, async () => {
        const blocks = (await found()).map(({ note }) => ({ note }));
        return { runId: Context.current().info.workflowExecution?.runId ?? '', blocks };
      }),
    stray: ({ at }) =>
      beating(heartbeatEveryMs, async () => {
        const one = (await found())[at];
        if (!one) throw new Error(`Nothing strayed at position ${at}.`);
        return one.block;
      }),
  };
}

/** Few large blocks in place of many small ones; a replay's parts stay what they are. */
function joined(strays: readonly Stray[]): Stray[] {
  const all: Stray[] = [];
  for (const stray of strays) {
    const open = all.at(-1);
    const fits = open && !open.note && blockBytes(open.block) + blockBytes(stray.block) <= blockBytesMax;
    if (!fits || stray.note) all.push(stray);
    else
      all.splice(-1, 1, {
        block: blockOf([open.block, stray.block].flatMap(deliveriesOf), open.block.acceptedAtMs, 0),
      });
  }
  return all;
}

/** The oldest first. */
async function straysOf(known: StrayDependencies, workflowId: string, runId: string): Promise<Stray[]> {
  const { histories } = known;
  const resets = (await histories.run(workflowId, runId))?.resets ?? [];
  const bases = new Set(resets.map(({ baseRunId }) => baseRunId));
  const chains: string[][] = [];
  for (const last of await terminated(known, workflowId, runId)) {
    chains.unshift(await chainTo(known, workflowId, last, bases)); // Visibility lists what closed last first.
  }
  const settled = nothingSettled();
  for (const chain of chains) {
    settled.parked.clear(); // Another chain's dead letters are not this one's.
    for (const id of chain) noteSettled(settled, (await histories.run(workflowId, id))?.records ?? []);
  }
  const isOpen = ({ id }: BlockEntry): boolean => !settled.delivered.has(id) && !settled.discarded.has(id);
  const strays: Stray[] = [];
  for (const chain of chains) {
    const came: Stray[] = [];
    let isReset = false;
    for (const id of chain) {
      const read = await signalsOf(histories, workflowId, id, isOpen);
      came.push(...read.signals);
      isReset = read.isReset;
    }
    if (isReset) strays.push(...came);
  }
  return strays.sort((a, b) => a.block.acceptedAtMs - b.block.acceptedAtMs);
}

/** The runs that were terminated, once visibility shows no other open run than this one. */
async function terminated(
  { runs: { listed } }: StrayDependencies,
  workflowId: string,
  runId: string,
): Promise<string[]> {
  const untilMs = Date.now() + listedWithinMs;
  for (;;) {
    const runs = await listed(workflowId);
    const open = runs.filter(({ status }) => status === 'open').map((run) => run.runId);
    if (String(open) === runId) return runs.filter(({ status }) => status === 'terminated').map((run) => run.runId);
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

/** What came in a run and is open: not what it was started with, nor what a reset copied; and whether a reset ended it. */
async function signalsOf(
  histories: StrayDependencies['histories'],
  workflowId: string,
  runId: string,
  isOpen: (entry: BlockEntry) => boolean,
): Promise<{ signals: Stray[]; isReset: boolean }> {
  const signals: Stray[] = [];
  let isReset = false;
  await histories.eachEvent(workflowId, runId, async (event) => {
    if (resetIn(event)) signals.length = 0;
    isReset = event.workflowExecutionTerminatedEventAttributes?.identity === resetter;
    const stray = await strayIn(histories, event, isOpen);
    if (stray) signals.push(stray);
  });
  return { signals, isReset };
}

async function strayIn(
  histories: Pick<LaneHistories, 'signalInputs'>,
  { workflowExecutionSignaledEventAttributes: signal }: HistoryEvent,
  isOpen: (entry: BlockEntry) => boolean,
): Promise<Stray | undefined> {
  const isResend = signal?.signalName === laneSignals.resend;
  if (!isResend && signal?.signalName !== laneSignals.enqueue) return undefined;
  const [input, about] = (await histories.signalInputs(signal.input?.payloads)) ?? [];
  const block = blockFrom(input);
  if (!block) return undefined;
  if (isResend) {
    const note = resendNoteFrom(about);
    return note && { block, note };
  }
  const open = filterBlock(block, isOpen);
  return open.entries.length > 0 ? { block: open } : undefined;
}
