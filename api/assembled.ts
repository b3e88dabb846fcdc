/** What the API process is made of. */
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import { eventKeys } from '../activities/eventKeys.ts';
import { heldInRuns, segmentHolding } from '../activities/heldInRuns.ts';
import { laneCalls } from '../activities/laneCalls.ts';
import { LaneHistories } from '../activities/laneHistory.ts';
import { laneCount, laneList } from '../activities/laneList.ts';
import { LaneLogs } from '../activities/laneLog.ts';
import { runsListedBy } from '../activities/laneRuns.ts';
import type { PayloadKeyWatch } from '../activities/payloadKeyWatch.ts';
import { runKnowing } from '../activities/runKnowing.ts';
import type { ListRuns } from '../activities/settledBefore.ts';
import { VisibilityPace } from '../activities/visibilityPace.ts';
import { blockBytes } from '../domain/block.ts';
import { type ApiConfig, allowPrivateIn } from '../domain/config.ts';
import { defaultLaneLimits } from '../domain/lane.ts';
import type { PayloadKeys } from '../domain/secretKeys.ts';
import type { Store } from '../store/store.ts';
import { acceptor } from './accept.ts';
import { apiKeyRoutes } from './apiKeys.ts';
import { createApp } from './app.ts';
import type { App } from './appEnv.ts';
import { auditRoutes } from './audit.ts';
import type { FindApiKey } from './authenticate.ts';
import { checkRoutes } from './checkRoutes.ts';
import { codecRoutes } from './codec.ts';
import { ConnectionTests, connectionTestRoutes } from './connectionTests.ts';
import { deadLetterRoutes } from './deadLetters.ts';
import { deliveryRoutes } from './deliveries.ts';
import { deliveryHistories } from './deliveryLogs.ts';
import { destinationRoutes } from './destinations.ts';
import { EarlierLanes, statusInLane } from './earlierLanes.ts';
import { BodyBudget } from './eventBody.ts';
import { eventLogRoute } from './eventLog.ts';
import { eventRoutes } from './events.ts';
import { eventValueRoute } from './eventValue.ts';
import { hashKeysInTime } from './hashingKeys.ts';
import { patientIndex } from './indexing.ts';
import { keeperNews } from './keeperNews.ts';
import type { LanesOfDestination } from './laneChange.ts';
import { LaneGauge } from './laneGauge.ts';
import { type HeldIn, laneIds, laneToTell } from './laneIds.ts';
import { laneLogRoute } from './laneLogs.ts';
import { blockSender } from './laneSignal.ts';
import { laneMeasure } from './laneSize.ts';
import { laneRoutes } from './lanes.ts';
import { LaneWriter } from './laneWriter.ts';
import { NewLanes } from './newLanes.ts';
import { numbersRoutes } from './numbers.ts';
import { lookEveryMs, OnTheirWay } from './onTheirWay.ts';
import { operatorRoutes } from './operatorRoutes.ts';
import { portalLinkRoutes } from './portalLinks.ts';
import { replayListRoute } from './replayList.ts';
import { replayRoutes } from './replays.ts';
import { runEnd } from './runEnd.ts';
import { Sampler } from './sampler.ts';
import { SharedReads } from './sharedReads.ts';
import { testEventRoute } from './testEvents.ts';
import { withTurnDeadline } from './turnDeadline.ts';
import { waitingIn, waitingInLane } from './waitingLanes.ts';
import { laneRuns, workersBehind } from './workersBehind.ts';

const gaugeSweepMs = 30_000;

export type Parts = {
  logger: Logger;
  store: Store;
  temporal: Client;
  payloadKeys: PayloadKeys;
  keyWatch: PayloadKeyWatch;
};

/** The application and what runs beside it; nothing is started but what sweeps. */
export function assembled(
  config: ApiConfig,
  { logger, store, temporal, payloadKeys, keyWatch }: Parts,
  connections: () => number,
): { app: App; writer: LaneWriter; tests: ConnectionTests; sampler: Sampler } {
  const laneLimits = {
    ...defaultLaneLimits,
    historyEventsMax: config.CAUSEWAY_LANE_HISTORY_EVENTS_MAX,
    historyBytesMax: config.CAUSEWAY_LANE_HISTORY_BYTES_MAX,
    dedupWindowMs: config.CAUSEWAY_DEDUP_WINDOW_MS,
  };
  const gauge = new LaneGauge(laneMeasure(temporal), { limits: laneLimits });
  setInterval(() => gauge.sweep(), gaugeSweepMs).unref();
  const send = blockSender(temporal, config.TEMPORAL_TASK_QUEUE, withTurnDeadline);
  const newLanes = new NewLanes({
    ask: workersBehind(temporal, config.TEMPORAL_TASK_QUEUE),
    runs: laneRuns(temporal),
  });
  const writer = new LaneWriter({
    waitingBytesMax: config.CAUSEWAY_WAITING_BYTES_MAX,
    backlogMs: (workflowId, bytes) => gauge.backlogMs(workflowId, bytes),
    longRun: (workflowId) => gauge.longRun(workflowId),
    runEnd: runEnd(temporal, withTurnDeadline),
    sendBlock: async (target, block) => {
      const receipt = await send(target, block);
      newLanes.stored(target.workflowId);
      gauge.stored(target.workflowId, { ...receipt, valueBytes: blockBytes(block) });
      return receipt;
    },
  });
  const histories = new LaneHistories(temporal);
  const runsListed = runsListedBy(temporal);
  const pace = new VisibilityPace();
  const listRuns: ListRuns = (workflowId, back) =>
    pace.shared(`runs:${workflowId}:${back}`, () => runsListed(workflowId, back));
  const ofDeliveries = deliveryHistories(histories, heldInRuns(temporal, histories, listRuns));
  const onTheirWay = new OnTheirWay({
    forCustomer: (customerExternalId) => store.destinations.forCustomer(customerExternalId),
    note: (events) => store.eventsOnTheirWay.note(events),
  });
  setInterval(() => void onTheirWay.look(), lookEveryMs).unref();
  const accept = acceptor({
    destinations: store.destinations,
    onTheirWay,
    lanes: {
      check: (workflowId) => {
        newLanes.check(workflowId);
        gauge.check(workflowId);
      },
      submit: (deliveries) => {
        try {
          return writer.submit(deliveries);
        } catch (error) {
          for (const { target } of deliveries) newLanes.notStored(target.workflowId);
          throw error;
        }
      },
    },
    index: patientIndex(store.eventIndex, logger),
    earlier: new EarlierLanes({
      lanesOf: (digests, since) => store.eventIndex.lanesOf(digests, since),
      statusIn: statusInLane(store.eventIndex, ofDeliveries, (...of) => runKnowing(histories, ...of)),
      isNotThere: (digest, workflowId) => store.eventsOnTheirWay.isNotThere(digest, workflowId),
      dedupWindowMs: config.CAUSEWAY_DEDUP_WINDOW_MS,
    }),
    traffic: store.traffic,
    hashedNames: () => store.hashKey.needed(),
    laneLimits,
    eventBytesMax: config.CAUSEWAY_EVENT_BYTES_MAX,
  });
  const operators = {
    destinations: store.destinations,
    index: store.eventIndex,
    audit: store.audit,
    interventions: store.interventions,
    list: laneList(temporal, pace, {
      taskQueue: config.TEMPORAL_TASK_QUEUE,
      customerNames: (customer) => store.hashKey.customerNames(customer),
    }),
    workflowIdOf: laneIds(store),
    lanes: laneCalls(temporal),
    shared: new SharedReads(),
    tellKeeper: keeperNews(temporal, config.TEMPORAL_TASK_QUEUE, logger),
  };
  const heldIn: HeldIn = (workflowId) => waitingInLane(temporal, workflowId);
  const lanesOfDestination: LanesOfDestination = {
    waiting: (destination) => waitingIn(temporal, store.eventIndex, destination),
  };
  if (config.CAUSEWAY_HASH_KEYS) {
    hashKeysInTime({ destinations: store.destinations, hashKey: store.hashKey, lanes: lanesOfDestination, logger });
  }
  const eventIndexDays = config.CAUSEWAY_EVENT_INDEX_DAYS;
  const allowPrivateBrokers = allowPrivateIn(config);
  const tests = new ConnectionTests();
  const findApiKey: FindApiKey = (digest) => store.apiKeys.find(digest);
  const app = createApp({
    logger,
    findApiKey,
    dashboard: {
      ...{ sessions: store.sessions, destinations: store.destinations, publicUrl: config.CAUSEWAY_PUBLIC_URL },
      findSession: (token) => store.sessions.find(token),
      temporalUi: temporalUiOf(config),
    },
    trustedProxies: config.CAUSEWAY_TRUSTED_PROXIES,
    health: {
      store: () => store.check(),
      temporal: () => temporal.workflowService.getSystemInfo({}),
    },
    routes: [
      (to) => operators.shared.watch(to),
      (to) => apiKeyRoutes(to, { apiKeys: store.apiKeys }),
      (to) => portalLinkRoutes(to, { portalLinks: store.portalLinks, publicUrl: config.CAUSEWAY_PUBLIC_URL }),
      (to) => auditRoutes(to, store.audit),
      (to) =>
        eventRoutes(to, {
          ...{ accept, budget: new BodyBudget(), eventBytesMax: config.CAUSEWAY_EVENT_BYTES_MAX },
          connections,
        }),
      (to) =>
        eventLogRoute(to, {
          ...{ index: store.eventIndex, histories: ofDeliveries, eventIndexDays, destinations: store.destinations },
        }),
      (to) => laneLogRoute(to, { ...operators, laneLogs: new LaneLogs(histories, listRuns) }),
      (to) =>
        destinationRoutes(to, {
          destinations: store.destinations,
          tellKeeper: operators.tellKeeper,
          numbers: store.numbers,
          lanes: lanesOfDestination,
          allowPrivateBrokers,
        }),
      (to) => connectionTestRoutes(to, { ...operators, tests, allowPrivateBrokers }),
      (to) => laneRoutes(to, operators),
      (to) => deadLetterRoutes(to, operators),
      (to) => deliveryRoutes(to, { ...operators, keysIn: eventKeys(histories), eventIndexDays }),
      (to) => testEventRoute(to, { ...operators, accept }),
      (to) =>
        eventValueRoute(to, {
          index: store.eventIndex,
          values: { temporal, histories, segmentHolding: segmentHolding(temporal, histories), lanes: operators.lanes },
          eventIndexDays,
          destinations: store.destinations,
        }),
      (to) => numbersRoutes(to, { ...operators, numbers: store.numbers }),
      (to) => replayListRoute(to, { ...operators, temporal }),
      (to) => operatorRoutes(to, { ...operators, workflowIdOf: laneToTell(operators.workflowIdOf, heldIn) }),
      (to) =>
        replayRoutes(to, {
          ...{ ...operators, temporal, taskQueue: config.TEMPORAL_TASK_QUEUE },
          ...{ index: store.eventIndex, histories: ofDeliveries, eventIndexDays },
        }),
      (to) =>
        checkRoutes(to, {
          ...{ ...operators, temporal, taskQueue: config.TEMPORAL_TASK_QUEUE, pace, store },
          payloadKeys: {
            use: () => store.payloadKeys.use(payloadKeys),
            trouble: () => keyWatch.trouble,
            encrypting: payloadKeys.encrypting?.id,
          },
          eventIndexDays,
        }),
      (to) => codecRoutes(to, { keys: payloadKeys, findApiKey, origins: config.CAUSEWAY_CODEC_ORIGINS }),
    ],
  });
  const sampler = new Sampler({
    ...{ numbers: store.numbers, list: operators.list, lanes: operators.lanes, logger },
    count: laneCount(temporal, pace, { taskQueue: config.TEMPORAL_TASK_QUEUE }),
    destinations: store.destinations,
  });
  return { app, writer, tests, sampler };
}

/** Where the Temporal UI shows the workflows of our namespace. */
const temporalUiOf = ({ TEMPORAL_UI_URL: url, TEMPORAL_NAMESPACE: namespace }: ApiConfig): string | undefined =>
  url && `${url}/namespaces/${encodeURIComponent(namespace)}/workflows`;
