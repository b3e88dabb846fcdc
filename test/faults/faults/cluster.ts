import { kafkaClient } from '../../../dev/servers/kafka.ts';
import { until } from '../../harness/until.ts';
import { always, type Fault } from '../fault.ts';
import { stallsEachTime, stallsOnce } from '../judge/effects.ts';
import type { Target } from '../stand/target.ts';

type Admin = ReturnType<ReturnType<typeof kafkaClient>['admin']>;
type Leader = { partition: number; leader: number };

async function withAdmin<T>({ brokers }: Target, use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(brokers, 'causeway-faults').admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

async function leadersOf(admin: Admin, topic: string): Promise<Leader[]> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics.flatMap(({ partitions }) =>
    partitions.map(({ partitionId, leader }) => ({ partition: partitionId, leader })),
  );
}

/** Gives each partition the two brokers that do not lead it: the leader must go elsewhere, and is no replica any more. */
function moveLeaders(target: Target): Promise<void> {
  const { topic } = target;
  return withAdmin(target, async (admin) => {
    const before = await leadersOf(admin, topic);
    const partitionAssignment = before.map(({ partition, leader }) => ({
      partition,
      replicas: [1, 2, 3].filter((id) => id !== leader),
    }));
    await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] });
    const stayed = (now: Leader[]): Leader[] =>
      now.filter(
        ({ partition, leader }) => leader < 0 || before.some((b) => b.partition === partition && b.leader === leader),
      );
    await until(
      'every partition to have another leader',
      () => leadersOf(admin, topic),
      (now) => now.length === before.length && stayed(now).length === 0,
    );
  });
}

export const leaderMoved: Fault = {
  name: 'leader-moved',
  title: 'the leader of every partition moved among three brokers',
  times: { short: 2, full: 10 },
  lastsMs: always(0),
  road: 'cluster',
  workers: 1,
  goesOn: { withinMs: 5_000, why: 'the new leader is found by a try or two that fail, a second apart' },
  effect: stallsOnce(500), // That each leader moved is waited for; not each time meets a request.
  inject: ({ target }) => moveLeaders(target),
  heal: async () => {},
};

export const leaderKilled: Fault = {
  name: 'leader-killed',
  title: 'one of three brokers killed (SIGKILL), a leader; back after 5 s',
  times: { short: 1, full: 3 },
  lastsMs: always(5_000),
  road: 'cluster',
  workers: 1,
  goesOn: { withinMs: 5_000, why: 'the new leader is found by a try or two that fail, a second apart' },
  effect: stallsEachTime(1_000),
  inject: async ({ stand, target }) => {
    const [first] = await withAdmin(target, (admin) => leadersOf(admin, target.topic));
    const { nodes } = await stand.cluster();
    const node = nodes.get(first?.leader ?? -1);
    if (!node) throw new Error(`Partition 0 of ${target.topic} has no leader that could be killed.`);
    await node.kill();
  },
  heal: async ({ stand }) => {
    const { nodes } = await stand.cluster();
    for (const node of nodes.values()) if (node.pid === undefined) await node.restart();
  },
};
