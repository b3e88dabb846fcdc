import { type Fault, promised } from '../fault.ts';
import { leaderKilled, leaderMoved } from './cluster.ts';
import { answersLost, narrowNetwork, requestsLost, resetAfter, resetBefore, slowNetwork } from './connections.ts';
import { apiKilled, brokerStopped, oneWorkerKilled, temporalStopped, workerFrozen, workerKilled } from './processes.ts';
import { poisoned, topicRecreated, writeRevoked } from './topics.ts';

/** What the others are held against: nothing may come twice here. */
export const none: Fault = {
  name: 'none',
  title: 'no fault',
  times: { short: 1, full: 1 },
  lastsMs: { short: 3_000, full: 20_000 },
  road: 'straight',
  workers: 1,
  goesOn: promised,
  inject: async () => {},
  heal: async () => {},
};

/** In the order in which they are run. */
export const faults: readonly Fault[] = [
  none,
  workerKilled,
  oneWorkerKilled,
  workerFrozen,
  apiKilled,
  temporalStopped,
  brokerStopped,
  slowNetwork,
  narrowNetwork,
  resetBefore,
  resetAfter,
  answersLost,
  requestsLost,
  leaderMoved,
  leaderKilled,
  topicRecreated,
  writeRevoked,
  poisoned,
];
