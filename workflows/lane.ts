import { defineSearchAttributeKey, SearchAttributeType, type SignalDefinition } from '@temporalio/common';
import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
  sleep,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { Failed, Outcome, ProduceRequest } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import type { LaneStart } from '../domain/lane.ts';
import {
  type LaneStatus,
  laneQueries,
  laneSignals,
  type ParkedEvent,
  parkedEventsOf,
  statusOf,
} from '../domain/laneMessages.ts';
import { blockFrom, noteFrom, selectionFrom } from '../domain/laneSignals.ts';
import {
  type CarriedLane,
  canSend,
  carried,
  carriedBytes,
  carriedBytesMax,
  deliveryStateOf,
  discarded,
  enqueued,
  interrupted,
  isOver,
  newLaneState,
  planned,
  replayed,
  restored,
  settled,
} from '../domain/laneState.ts';
import { anyInput, unreadable } from '../domain/payloadConverter.ts';

export type ProduceActivities = { produce(request: ProduceRequest, block: Block): Promise<Outcome> };

// Transient errors are thrown and tried again, for as long as it takes; a final one is an answer, and is not retried.
const { produce } = proxyActivities<ProduceActivities>({
  startToCloseTimeout: '30 seconds',
  heartbeatTimeout: '4 seconds', // A killed worker's batch is tried again after that, and a second.
  retry: { initialInterval: '500 ms', backoffCoefficient: 2, maximumInterval: '10 seconds' },
});

export const enqueue = defineSignal<unknown[]>(laneSignals.enqueue, { typeInfo: anyInput });
export const replay = defineSignal<unknown[]>(laneSignals.replay, { typeInfo: anyInput });
export const discard = defineSignal<unknown[]>(laneSignals.discard, { typeInfo: anyInput });
export const pause = defineSignal<unknown[]>(laneSignals.pause, { typeInfo: anyInput });
export const resume = defineSignal<unknown[]>(laneSignals.resume, { typeInfo: anyInput });
export const status = defineQuery<LaneStatus>(laneQueries.status, { typeInfo: anyInput });
export const deadLetters = defineQuery<ParkedEvent[]>(laneQueries.deadLetters, { typeInfo: anyInput });

const deliveryStateKey = defineSearchAttributeKey('DeliveryState', SearchAttributeType.KEYWORD);
const deadLettersKey = defineSearchAttributeKey('DeadLetters', SearchAttributeType.INT);

/** A sender that is silent for this long after its block leaves the lane time to continue as new, in ms. */
const quietEnoughMs = 50;
/** How long the lane waits for such a block before it continues all the same, in ms. */
const quietWaitMs = 1_500;
/** A lane that has outlived its dedup window, since something is parked, looks again this often, in ms. */
const closeCheckMs = 10 * 60 * 1000;

/** The unit of order inside a destination: takes events in, delivers them in order, parks what can't be delivered. */
export async function lane(start: LaneStart, from?: CarriedLane, ...blocks: Block[]): Promise<void> {
  let state = from ? restored(start.limits, from, blocks) : newLaneState(start.limits);
  let shown = { state: deliveryStateOf(state), deadLetters: state.deadLetters.length };
  let quietAt = 0;
  let over = false;

  onSignal(enqueue, (input) => {
    const block = blockFrom(input);
    if (!block) return;
    state = enqueued(state, block, Date.now());
    quietAt = block.quietMs >= quietEnoughMs ? workflowInfo().historyLength : 0;
  });
  onSignal(replay, (input) => {
    const selected = selectionFrom(input, 'all');
    if (selected) state = replayed(state, selected);
  });
  onSignal(discard, (input) => {
    const selected = selectionFrom(input, 'nothing');
    if (selected) state = discarded(state, selected);
  });
  onSignal(pause, (input) => {
    state = { ...state, paused: noteFrom(input) };
  });
  onSignal(resume, () => {
    state = { ...state, paused: undefined, suspended: undefined };
  });
  setHandler(status, () => statusOf(state));
  setHandler(deadLetters, () => parkedEventsOf(state));

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
  const isToRenew = (): boolean => isLong(start) && carriedBytes(state) <= carriedBytesMax;

  // A promise holds in the workflow task that brought it, and the history's length names the task.
  const isQuiet = (): boolean => quietAt === workflowInfo().historyLength;

  // One timer a run, not one a wait: it looks now and then whether the dedup window has run out.
  const closing = (async () => {
    while (!over) {
      await sleep(Math.max(state.seen.endsAtMs() - Date.now(), Math.min(start.limits.dedupWindowMs, closeCheckMs)));
      over = isOver(state, Date.now());
    }
  })();
  closing.catch(() => undefined);

  for (;;) {
    await condition(() => canSend(state) || isToShow() || isToRenew() || over);
    show();
    if (over && isOver(state, Date.now())) return;
    over = false;
    if (isToRenew()) {
      if (!isQuiet()) await condition(() => isQuiet() || !isToRenew(), quietWaitMs);
      if (isToRenew()) {
        show(); // The next run takes what is shown for what it carries.
        await continueAsNew<typeof lane>(start, ...carried(state, Date.now()));
      }
    }
    if (canSend(state)) {
      state = planned(state);
      try {
        const outcome = await outcomeOf(start, state.sending);
        state = settled(state, outcome, Date.now()); // Read after the await: signals may have come.
      } catch (error) {
        state = interrupted(state, unforeseen(error));
      }
    }
  }
}

/** A signal with an input that nobody can read changes nothing. */
const onSignal = (signal: SignalDefinition<unknown[]>, use: (input: unknown) => void): void =>
  setHandler(signal, (...inputs) => {
    if (!inputs.includes(unreadable)) use(inputs[0]);
  });

const isLong = ({ limits }: LaneStart): boolean => {
  const { historyLength, historySize } = workflowInfo();
  return historyLength >= limits.historyEventsMax || historySize >= limits.historyBytesMax;
};

async function outcomeOf({ destinationId }: LaneStart, block: Block | undefined): Promise<Outcome> {
  if (!block) throw ApplicationFailure.nonRetryable('The lane planned an empty batch.', 'EMPTY_BATCH');
  return await produce({ destinationId }, block);
}

/** A failure of the activity that is neither transient nor an answer: a cancelled lane, or a defect of ours. */
function unforeseen(error: unknown): Failed {
  if (isCancellation(error)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  const name = cause instanceof ApplicationFailure ? (cause.type ?? 'UNFORESEEN') : 'UNFORESEEN';
  const message = cause instanceof Error ? cause.message : String(cause);
  return {
    kind: 'destinationAtFault',
    name,
    message,
    remedy: 'Report this; then signal resume or replay to try again.',
  };
}
