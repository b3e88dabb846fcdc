import type { SignalDefinition } from '@temporalio/common';
import {
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import {
  changed,
  changeFrom,
  hasRound,
  isBroken,
  isDone,
  isPauseOver,
  type KeeperStart,
  type KeeperState,
  keeperQueries,
  keeperSignals,
  keeperTaskQueue,
  type LanesTold,
  type LanesToTell,
  lanesOfCallMax,
  looked,
  looking,
  newKeeperState,
  pauseMs,
  roundBegun,
  roundEnded,
  type Seen,
  scoutMs,
  scoutsMax,
  suspensionBegun,
  suspensionOf,
  told,
  toldFrom,
  type WatchRequest,
  watchRequestOf,
} from '../domain/keeper.ts';
import { anyInput, unreadable } from '../domain/payloadConverter.ts';

export type KeeperActivities = {
  /** Returns once a probe goes through, or the destination is at fault, or after some minutes. */
  watch(request: WatchRequest): Promise<Seen>;
  tellLanes(request: LanesToTell): Promise<LanesTold>;
};

export const held = defineSignal<unknown[]>(keeperSignals.held, { typeInfo: anyInput });
export const change = defineSignal<unknown[]>(keeperSignals.changed, { typeInfo: anyInput });
export const keeperStatus = defineQuery<KeeperState>(keeperQueries.status, { typeInfo: anyInput });

/** A run continues as new once it has this many history events. */
const historyEventsMax = 2_000;

/** Watches one destination while lanes hold for its sake, and lets them go on when it answers again. */
export async function keeper(start: KeeperStart, from?: KeeperState): Promise<void> {
  let state = from ?? newKeeperState(Date.now());
  onSignal(held, (input) => {
    const news = toldFrom(input);
    if (news) state = told(state, news, Date.now());
  });
  onSignal(change, (input) => {
    const news = changeFrom(input);
    if (news) state = changed(state, news.version);
  });
  setHandler(keeperStatus, () => state);

  const { watch, tellLanes } = proxyActivities<KeeperActivities>({
    taskQueue: keeperTaskQueue(workflowInfo().taskQueue),
    startToCloseTimeout: '10 minutes',
    heartbeatTimeout: '15 seconds',
    retry: { initialInterval: '1 second', backoffCoefficient: 2, maximumInterval: '30 seconds' },
  });
  const { destinationId } = start;

  for (;;) {
    state = looking(state);
    const seen = await watch(watchRequestOf(start, state));
    state = looked(state, seen);

    if (seen.kind === 'atFault' && seen.held.waiting > 0) {
      state = suspensionBegun(state, Date.now());
      const toTell = { destinationId, ...suspensionOf(seen), lanesMax: lanesOfCallMax };
      await toldOn(tellLanes, toTell, await tellLanes(toTell), () => state.isChanged);
    }
    if (hasRound(state, seen)) {
      const beganAtMs = Date.now();
      const round = roundBegun(state, seen);
      state = round.state;
      const toTell = { destinationId, ...round.toTell, lanesMax: lanesOfCallMax };
      const scouts = await tellLanes({ ...toTell, lanesMax: scoutsMax });
      if (scouts.page !== undefined) await condition(() => isBroken(state, scouts.lanes), scoutMs);
      const lanes = await toldOn(tellLanes, toTell, scouts, (letGo) => isBroken(state, letGo));
      state = roundEnded(state, seen, { lanes, beganAtMs, nowMs: Date.now() });
    }
    if (isDone(state, seen, Date.now())) return;
    await pauseIsOver(() => state, seen);
    if (workflowInfo().historyLength >= historyEventsMax) await continueAsNew<typeof keeper>(start, state);
  }
}

/** Waits until the next look; longer, should lanes come back meanwhile that were let go on. */
async function pauseIsOver(state: () => KeeperState, seen: Seen): Promise<void> {
  const beganAtMs = Date.now();
  for (;;) {
    const waitMs = pauseMs(state(), seen);
    const leftMs = beganAtMs + waitMs - Date.now();
    if (leftMs <= 0 || isPauseOver(state(), seen)) return;
    await condition(() => isPauseOver(state(), seen) || pauseMs(state(), seen) !== waitMs, leftMs);
  }
}

/** Tells lanes page by page from where `first` stopped, until there are no more or `isOver`. How many were told, with the first. */
async function toldOn(
  tellLanes: KeeperActivities['tellLanes'],
  toTell: LanesToTell,
  first: LanesTold,
  isOver: (lanes: number) => boolean,
): Promise<number> {
  let { lanes, page } = first;
  while (page !== undefined && !isOver(lanes)) {
    const more: LanesTold = await tellLanes({ ...toTell, page });
    lanes += more.lanes;
    page = more.page;
  }
  return lanes;
}

/** A signal with an input that nobody can read changes nothing. */
const onSignal = (signal: SignalDefinition<unknown[]>, use: (input: unknown) => void): void =>
  setHandler(signal, (...inputs) => {
    if (!inputs.includes(unreadable)) use(inputs[0]);
  });
