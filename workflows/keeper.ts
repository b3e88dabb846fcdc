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
  suspendedByKeeper,
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
      const suspension = suspensionOf(seen);
      state = suspendedByKeeper(state, seen, Date.now());
      let page: string | undefined;
      do {
        ({ page } = await tellLanes({ destinationId, ...suspension, lanesMax: lanesOfCallMax, page }));
      } while (page !== undefined && !state.isChanged);
    }
    if (hasRound(state, seen)) {
      const round = roundBegun(state, seen);
      state = round.state;
      const toTell = { destinationId, ...round.toTell };
      let { lanes, page } = await tellLanes({ ...toTell, lanesMax: scoutsMax });
      if (page !== undefined) await condition(() => isBroken(state, lanes), scoutMs);
      while (page !== undefined && !isBroken(state, lanes)) {
        const more: LanesTold = await tellLanes({ ...toTell, lanesMax: lanesOfCallMax, page });
        lanes += more.lanes;
        page = more.page;
      }
      state = roundEnded(state, lanes, Date.now());
    }
    if (isDone(state, seen, Date.now())) return;
    const waitMs = pauseMs(state, seen);
    if (waitMs > 0) await condition(() => isPauseOver(state, seen), waitMs);
    if (workflowInfo().historyLength >= historyEventsMax) await continueAsNew<typeof keeper>(start, state);
  }
}

/** A signal with an input that nobody can read changes nothing. */
const onSignal = (signal: SignalDefinition<unknown[]>, use: (input: unknown) => void): void =>
  setHandler(signal, (...inputs) => {
    if (!inputs.includes(unreadable)) use(inputs[0]);
  });
