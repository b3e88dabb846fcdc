import { idempotencyKeyOf } from '../../../bench/load/events.ts';
import { eventDigest } from '../../../domain/eventDigest.ts';
import { eventIdOf } from '../../../domain/eventId.ts';
import { laneOf } from '../../../domain/lane.ts';
import { deliveryOf } from '../../harness/eventLog.ts';
import { until } from '../../harness/until.ts';
import { always, type Fault, type Ground, promised } from '../fault.ts';
import { parks, stallsEachTime } from '../judge/effects.ts';
import { laneCount } from '../stand/target.ts';

export const topicRecreated: Fault = {
  name: 'topic-recreated',
  title: 'the topic deleted, and made again 5 s later',
  times: { short: 1, full: 3 },
  lastsMs: always(5_000),
  road: 'straight',
  workers: 1,
  goesOn: { withinMs: 6_000, why: "Temporal's next retry is up to 4 s away, and a new topic has no leader at once" },
  effect: stallsEachTime(4_000),
  inject: async ({ target, records }) => {
    await target.deleteTopic();
    records.deletedAtMs.push(Date.now());
    await records.end();
  },
  heal: async ({ target, records }) => {
    await target.createTopic();
    await records.again();
  },
};

export const writeRevoked: Fault = {
  name: 'write-revoked',
  title: 'the WRITE ACL taken away, and given back 5 s later',
  times: { short: 1, full: 3 },
  lastsMs: always(5_000),
  road: 'withRights',
  workers: 1,
  goesOn: { withinMs: 6_000, why: 'the lane is suspended, and the keeper probes its destination every few seconds' },
  effect: stallsEachTime(4_000),
  inject: ({ target }) => target.revokeWrite(),
  heal: ({ target }) => target.grantWrite(),
};

const recordBytesMax = 20_000;
const poisonPadBytes = 24_000;
const poisonOfALane = 12;

/** A key for each lane: one lane could not hold them all, for what it parks is bounded. */
const poisonKeys = Array.from({ length: laneCount }, (_, lane) => {
  const names = Array.from({ length: 200 }, (_, n) => `poison-${n}`);
  return names.find((name) => laneOf(laneCount, name, String) === String(lane)) ?? '';
});

/** The log of the event with this number. */
const statusOf = async ({ stand, target, tag }: Ground, n: number): Promise<string> => {
  const digest = eventDigest(target.customerExternalId, idempotencyKeyOf(tag, n));
  return (await deliveryOf(stand.api, eventIdOf(digest))).status;
};

export const poisoned: Fault = {
  name: 'poison',
  title: `${poisonKeys.length * poisonOfALane} records that the topic refuses among the others, replayed once it takes them`,
  times: { short: 1, full: 1 },
  lastsMs: always(2_000),
  road: 'straight',
  workers: 1,
  topicConfig: { 'max.message.bytes': String(recordBytesMax) },
  goesOn: promised,
  effect: parks(poisonKeys.length * poisonOfALane),
  inject: async (ground) => {
    const sent = await Promise.all(poisonKeys.map((key) => ground.load.sendBeside(key, poisonOfALane, poisonPadBytes)));
    for (const n of sent.flat()) {
      await until(
        `event ${n} to be parked`,
        () => statusOf(ground, n),
        (status) => status === 'parked',
        60_000,
      );
      ground.parked++;
    }
  },
  heal: async ({ target, records }) => {
    await records.configure({ 'max.message.bytes': '1000000', 'message.timestamp.type': 'LogAppendTime' });
    await target.replayLanes();
  },
};
