import { setTimeout as sleep } from 'node:timers/promises';
import type { Toxic } from '../../../dev/servers/toxiproxy.ts';
import { always, type Fault } from '../fault.ts';
import { type Effect, stallsEachTime, writesTwice } from '../judge/effects.ts';

/** Toxics between worker and broker, all of them until it is healed. */
const harmed = (name: string, title: string, toxics: readonly Toxic[], effect: Effect): Fault => ({
  name,
  title,
  effect,
  goesOn: { withinMs: 5_000, why: "a batch is tried again after up to 4 s, by Temporal's second or third retry" },
  times: { short: 1, full: 3 },
  lastsMs: { short: 4_000, full: 10_000 },
  road: 'proxied',
  workers: 1,
  inject: async ({ target }) => {
    for (const toxic of toxics) await target.proxy?.add(toxic);
  },
  heal: async ({ target }) => await target.proxy?.clear(),
});

/** Cuts that come one after another, with time between them for new connections to be made and used. */
const cutAgainAndAgain = (name: string, title: string, toxic: Toxic, effect: Effect): Fault => ({
  ...harmed(name, title, [toxic], effect),
  lastsMs: always(0),
  inject: async ({ target: { proxy }, form }) => {
    for (let cut = 0; cut < cuts[form]; cut++) {
      await proxy?.add(toxic);
      await sleep(cutLastsMs);
      await proxy?.clear();
      await sleep(betweenCutsMs);
    }
  },
});
const cuts = { short: 3, full: 6 };
const cutLastsMs = 400;
const betweenCutsMs = 1_200;

export const slowNetwork = harmed(
  'latency',
  'worker to broker: 400 ± 200 ms each way',
  [
    { type: 'latency', stream: 'upstream', attributes: { latency: 400, jitter: 200 } },
    { type: 'latency', stream: 'downstream', attributes: { latency: 400, jitter: 200 } },
  ],
  stallsEachTime(700),
);

export const resetBefore = cutAgainAndAgain(
  'reset-before-append',
  'worker to broker: cut in the middle of the request',
  { type: 'limit_data', stream: 'upstream', attributes: { bytes: 300 } },
  stallsEachTime(700), // What was cut is tried again after half a second and more.
);

export const resetAfter = cutAgainAndAgain(
  'reset-after-append',
  'worker to broker: reset when the broker answers, the records being written',
  { type: 'limit_data', stream: 'downstream', attributes: { bytes: 1 } },
  writesTwice,
);

/** Nothing comes through in one direction, and nobody says so: for longer than an answer is waited for. */
const halfOpen = (name: string, title: string, stream: Toxic['stream']): Fault => ({
  ...harmed(name, title, [{ type: 'timeout', stream, attributes: { timeout: 0 } }], stallsEachTime(5_000)),
  lastsMs: always(10_000),
});

export const answersLost = halfOpen('half-open-answers', 'worker to broker: half-open, answers get lost', 'downstream');

export const requestsLost = halfOpen(
  'half-open-requests',
  'worker to broker: half-open, requests get lost',
  'upstream',
);

export const narrowNetwork = harmed(
  'bandwidth',
  'worker to broker: 15 KB/s, less than is sent',
  [{ type: 'bandwidth', stream: 'upstream', attributes: { rate: 15 } }],
  stallsEachTime(700),
);
