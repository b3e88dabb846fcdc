import { setTimeout as sleep } from 'node:timers/promises';
import type { Toxic } from '../../../dev/servers/toxiproxy.ts';
import { always, type Fault } from '../fault.ts';

/** Toxics between worker and broker, all of them until it is healed. */
const harmed = (name: string, title: string, toxics: readonly Toxic[]): Fault => ({
  name,
  title,
  times: { short: 1, full: 3 },
  lastsMs: always(10_000),
  road: 'proxied',
  workers: 1,
  inject: async ({ target }) => {
    for (const toxic of toxics) await target.proxy?.add(toxic);
  },
  heal: async ({ target }) => await target.proxy?.clear(),
});

/** Cuts that come one after another, with time between them for new connections to be made and used. */
const cutAgainAndAgain = (name: string, title: string, toxic: Toxic): Fault => ({
  ...harmed(name, title, [toxic]),
  lastsMs: always(0),
  inject: async ({ target: { proxy } }) => {
    for (let cut = 0; cut < cuts; cut++) {
      await proxy?.add(toxic);
      await sleep(cutLastsMs);
      await proxy?.clear();
      await sleep(betweenCutsMs);
    }
  },
});
const cuts = 6;
const cutLastsMs = 400;
const betweenCutsMs = 1_200;

export const slowNetwork = harmed('latency', 'worker to broker: 400 ± 200 ms each way', [
  { type: 'latency', stream: 'upstream', attributes: { latency: 400, jitter: 200 } },
  { type: 'latency', stream: 'downstream', attributes: { latency: 400, jitter: 200 } },
]);

export const resetBefore = cutAgainAndAgain(
  'reset-before-append',
  'worker to broker: cut in the middle of the request',
  { type: 'limit_data', stream: 'upstream', attributes: { bytes: 300 } },
);

export const resetAfter = cutAgainAndAgain(
  'reset-after-append',
  'worker to broker: reset when the broker answers, the records being written',
  { type: 'limit_data', stream: 'downstream', attributes: { bytes: 1 } },
);

export const answersLost = harmed('half-open-answers', 'worker to broker: half-open, answers get lost', [
  { type: 'timeout', stream: 'downstream', attributes: { timeout: 0 } },
]);

export const requestsLost = harmed('half-open-requests', 'worker to broker: half-open, requests get lost', [
  { type: 'timeout', stream: 'upstream', attributes: { timeout: 0 } },
]);

export const narrowNetwork = harmed('bandwidth', 'worker to broker: 15 KB/s, less than is sent', [
  { type: 'bandwidth', stream: 'upstream', attributes: { rate: 15 } },
]);
