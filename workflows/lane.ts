import { defineSearchAttributeKey, SearchAttributeType, type SignalDefinition } from '@temporalio/common';
import {
  type ActivityOptions,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  patched,
  proxyActivities,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Failed, Outcome, ProduceRequest } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import { areHeld, lettersToSend, plannedLetters } from '../domain/bodies.ts';
import { type CarriedLane, carried, restored } from '../domain/carriedLane.ts';
import { discarded, replayed } from '../domain/interventions.ts';
import { type LaneStart, slowTaskQueue } from '../domain/lane.ts';
import { foundFrom, holdOf, letGo, nowSuspended, suspensionFrom, woken } from '../domain/laneHold.ts';
import {
  type LaneStatus,
  laneQueries,
  laneSignals,
  type ParkedEvent,
  parkedEventsOf,
  statusOf,
} from '../domain/laneMessages.ts';
import type { RunLength } from '../domain/laneOverflow.ts';
import { blockFrom, isFitting, noteFrom, resendNoteFrom, selectionFrom } from '../domain/laneSignals.ts';
import {
  canSend,
  carriedBytes,
  carriedBytesMax,
  deliveryStateOf,
  enqueued,
  interrupted,
  isOver,
  type LaneState,
  newLaneState,
  planned,
  resent,
  settled,
} from '../domain/laneState.ts';
import { isOverflowing } from '../domain/overflow.ts';
import { anyInput, unreadable } from '../domain/payloadConverter.ts';
import { Quiet } from '../domain/quiet.ts';
import { gathered, gathering } from '../domain/strays.ts';
import { bodiesRead, holderIdsOf, keptOpen } from './bodies.ts';
import { LaneOutcomes } from './exporting.ts';
import { failureOf } from './failureOf.ts';
import { eachStray } from './gathering.ts';
import { overflowing } from './overflow.ts';

export type ProduceActivities = { produce(request: ProduceRequest, block: Block): Promise<Outcome> };

// Transient errors are thrown and tried again, for as long as it takes; a final one is an answer, and is not retried.
const howToProduce: ActivityOptions = {
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '4 seconds', // A killed worker's batch is tried again after that, and a second.
  // No slower than a keeper asks: a broker may come back just after a try.
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '5 seconds' },
};
const { produce } = proxyActivities<ProduceActivities>(howToProduce);
const produceSlowly: ProduceActivities['produce'] = (request, block) => {
  const taskQueue = slowTaskQueue(workflowInfo().taskQueue);
  return proxyActivities<ProduceActivities>({ ...howToProduce, taskQueue }).produce(request, block);
};

export const enqueue = defineSignal<unknown[]>(laneSignals.enqueue, { typeInfo: anyInput });
export const replay = defineSignal<unknown[]>(laneSignals.replay, { typeInfo: anyInput });
export const discard = defineSignal<unknown[]>(laneSignals.discard, { typeInfo: anyInput });
export const resend = defineSignal<unknown[]>(laneSignals.resend, { typeInfo: anyInput });
export const pause = defineSignal<unknown[]>(laneSignals.pause, { typeInfo: anyInput });
export const resume = defineSignal<unknown[]>(laneSignals.resume, { typeInfo: anyInput });
export const wake = defineSignal<unknown[]>(laneSignals.wake, { typeInfo: anyInput });
export const suspend = defineSignal<unknown[]>(laneSignals.suspend, { typeInfo: anyInput });
export const status = defineQuery<LaneStatus>(laneQueries.status, { typeInfo: anyInput });
export const deadLetters = defineQuery<ParkedEvent[]>(laneQueries.deadLetters, { typeInfo: anyInput });

const deliveryStateKey = defineSearchAttributeKey('DeliveryState', SearchAttributeType.KEYWORD);
const deadLettersKey = defineSearchAttributeKey('DeadLetters', SearchAttributeType.INT);

/** A lane that has outlived its dedup window, since something is parked, looks again this often, in ms. */
const closeCheckMs = 10 * 60 * 1000;

/** The unit of order inside a destination: takes events in, delivers them in order, parks what can't be delivered. */
export async function lane(start: LaneStart, from?: CarriedLane, ...blocks: Block[]): Promise<void> {
  let state = from ? restored(start.limits, from, blocks) : newLaneState(start.limits);
  const { runId, originalExecutionRunId } = workflowInfo();
  const isReset = runId !== originalExecutionRunId;
  if (isReset) state = { ...state, resetRunId: runId };
  let shown = { state: deliveryStateOf(state), deadLetters: state.deadLetters.length };
  const quiet = new Quiet();
  let over = false;
  const startBytes = workflowInfo().historySize;
  const runLength = (): RunLength => lengthOf(start, startBytes);
  const outcomes = new LaneOutcomes(start, from);

  onSignal(enqueue, (input) => {
    const block = blockFrom(input);
    if (!block) return;
    state = enqueued(state, block, Date.now());
    quiet.heard(block.quietMs, taskName(), Date.now());
  });
  onSignal(replay, (input, about) => {
    const selected = selectionFrom(input, 'all', about);
    if (!selected) return;
    const before = state;
    state = replayed(state, selected);
    outcomes.signalled('replayed', before, state, selected);
  });
  onSignal(discard, (input, about) => {
    const selected = selectionFrom(input, 'nothing', about);
    if (!selected) return;
    const before = state;
    state = discarded(state, selected);
    outcomes.signalled('discarded', before, state, selected);
  });
  onSignal(resend, (input, about) => {
    const block = blockFrom(input);
    const note = resendNoteFrom(about);
    if (!block || !note) return;
    const before = state;
    state = resent(state, block, note, Date.now());
    if (state !== before) outcomes.resent(block, note);
  });
  onSignal(pause, (input) => {
    state = { ...state, paused: noteFrom(input) };
  });
  onSignal(resume, () => {
    state = { ...letGo(state, 'person'), paused: undefined };
  });
  onSignal(wake, (input) => {
    const found = foundFrom(input);
    if (found) state = woken(state, found);
  });
  onSignal(suspend, (input) => {
    const suspension = suspensionFrom(input);
    if (suspension) state = nowSuspended(state, suspension);
  });

  const show = (): void => {
    const now = { state: deliveryStateOf(state), deadLetters: state.deadLetters.length };
    if (now.state === shown.state && now.deadLetters === shown.deadLetters) return;
    shown = now;
    upsertSearchAttributes([
      { key: deliveryStateKey, value: now.state },
      { key: deadLettersKey, value: now.deadLetters },
    ]);
  };
  const isToShow = (): boolean =>
    shown.state !== deliveryStateOf(state) || shown.deadLetters !== state.deadLetters.length;
  const memory = {
    get state() {
      return state;
    },
    set state(next) {
      state = next;
    },
  };
  const named = start.hashed && { lane: start.hashed.name };
  setHandler(deadLetters, () =>
    parkedEventsOf(state, holderIdsOf(start, memory)).map((letter) => ({ ...letter, ...named })),
  );
  const overflow = overflowing(start, memory, runLength);
  const isEnding = (): boolean =>
    runLength() !== 'short' && carriedBytes(state) + outcomes.carriedBytes <= carriedBytesMax && !overflow.isBusy();
  outcomes.begin(isEnding);
  let isGathering = false;
  setHandler(status, () => ({
    ...statusOf(state),
    ...named,
    ...(isGathering && { held: gathering }),
    ...(isEnding() && { renewing: true }),
  }));
  const isToRenew = (): boolean => isEnding() && !outcomes.isBusy;

  // A run that a backlog makes too long can't wait for quiet.
  const isPressed = (): boolean => runLength() === 'tooLong' && isOverflowing(state.overflow);
  const isQuiet = (): boolean => isPressed() || quiet.isNow(taskName(), Date.now());
  const maySend = (): boolean => canSend(state) && !outcomes.isFull;
  const maySendOn = (): boolean => maySend() && quiet.maySendOn(Date.now());
  const mayClose = (): boolean => isOver(state, Date.now()) && outcomes.isEmpty;

  // One timer a run, not one a wait: it looks now and then whether the dedup window has run out.
  const closing = (async () => {
    while (!over) {
      await sleep(Math.max(state.seen.endsAtMs() - Date.now(), Math.min(start.limits.dedupWindowMs, closeCheckMs)));
      over = mayClose();
    }
  })();
  closing.catch(() => undefined);

  // What a reset copied knows nothing of it, so it is not patched there; or knows it of the run that it was copied from.
  let gatheredFor = isReset ? undefined : runId;
  let gatherings = 0;
  const isToGather = (): boolean => gatheredFor !== runId && patched(`strays-${gatherings}`);

  for (;;) {
    const isAwaited = (): boolean => isToGather() || maySend() || isToShow() || isToRenew() || over;
    const hold = holdOf(state);
    if (!hold) await condition(isAwaited);
    // The timer is the last net, should the keeper's word be lost.
    else if (!(await condition(isAwaited, Math.max(hold.looksAtMs - Date.now(), 1)))) state = letGo(state, 'timer');
    if (isToGather()) {
      // Before anything is sent: it may be older than what waits.
      isGathering = true;
      gatheredFor = await eachStray((one) => {
        state = gathered(state, one, Date.now());
      });
      if (state.holders.length > 0 && patched(`holders-kept-${gatherings}`)) await keptOpen(start, memory);
      isGathering = false;
      gatherings++;
      continue;
    }
    show();
    if (over && mayClose()) return;
    over = false;
    if (isToRenew()) {
      quiet.isWanted(Date.now());
      if (!isQuiet() && !maySendOn()) {
        await condition(() => isQuiet() || maySendOn() || !isToRenew(), quiet.nextLookMs(Date.now()));
        if (isToGather()) continue; // A reset to a point in that wait: what strayed comes first.
      }
      if (isToRenew() && isQuiet()) {
        show(); // The next run takes what is shown for what it carries.
        await continueAsNew<typeof lane>(start, ...carried(state, Date.now(), outcomes.carried()));
      }
      if (isToRenew() && !maySendOn()) continue;
    }
    if (maySend()) {
      const letters = lettersToSend(state);
      const bodies = areHeld(letters) ? await bodiesRead(start, memory, letters, outcomes) : undefined;
      if (areHeld(letters) && (!bodies || !maySend() || isToGather())) continue; // Lost; or the lane was paused or reset meanwhile.
      state = letters.length > 0 ? plannedLetters(state, letters, bodies) : planned(state);
      try {
        const outcome = await outcomeOf(start, state);
        const before = state; // Read after the await: signals may have come.
        state = settled(before, outcome, Date.now());
        outcomes.settled(before, state, outcome);
      } catch (error) {
        state = interrupted(state, unforeseen(error), Date.now());
      }
    }
  }
}

/** A signal with an input that nobody can read changes nothing. */
const onSignal = (signal: SignalDefinition<unknown[]>, use: (input: unknown, about: unknown) => void): void =>
  setHandler(signal, (...inputs) => {
    if (!inputs.includes(unreadable) && isFitting(signal.name, inputs[0])) use(inputs[0], inputs[1]);
  });

/** The history's length names the workflow task. */
const taskName = (): number => workflowInfo().historyLength;

/** A run that should continue as new but has more than it can carry may grow to this much more. */
const tooLongAt = 1.5;

function lengthOf({ limits }: LaneStart, startBytes: number): RunLength {
  const { historyLength, historySize } = workflowInfo();
  const bytes = historySize - startBytes; // What it was started with it would carry on: a new run is no shorter for it.
  const length = Math.max(historyLength / limits.historyEventsMax, bytes / limits.historyBytesMax);
  if (length < 1) return 'short';
  return length < tooLongAt ? 'long' : 'tooLong';
}

async function outcomeOf({ destinationId }: LaneStart, state: LaneState): Promise<Outcome> {
  const { sending, resumed, resetRunId, slow } = state;
  if (!sending) throw ApplicationFailure.nonRetryable('The lane planned an empty batch.', 'EMPTY_BATCH');
  const { runId } = workflowInfo();
  const known = { ...(resumed && { resumed }), ...(resetRunId !== undefined && { resetRunId }) };
  return await (slow ? produceSlowly : produce)({ destinationId, runId, slow, ...known }, sending);
}

/** A failure of the activity that is neither transient nor an answer: a cancelled lane, or a defect of ours. */
function unforeseen(error: unknown): Failed {
  return {
    kind: 'destinationAtFault',
    ...failureOf(error),
    remedy: 'Report this; then signal resume or replay to try again.',
  };
}
