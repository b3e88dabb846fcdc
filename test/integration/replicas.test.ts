/** What takes three brokers: leaders that move, replicas that do not confirm. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createTopic, kafkaClient } from '../../dev/servers/kafka.ts';
import { type KafkaCluster, startOwnKafkaCluster } from '../../dev/servers/kafkaCluster.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { startLoad } from '../harness/load.ts';
import { firstSeen } from '../harness/order.ts';
import { track } from '../harness/running.ts';
import { sharedServers } from '../harness/sharedServers.ts';

let cluster: KafkaCluster;
let causeway: Causeway;
let stopCluster: () => Promise<void>;
let admin: ReturnType<ReturnType<typeof kafkaClient>['admin']>;
beforeAll(async () => {
  const dir = join(sharedServers().dir, 'replicas');
  cluster = await startOwnKafkaCluster({ dataDir: join(dir, 'kafka'), logDir: join(dir, 'logs') });
  stopCluster = track('a cluster of Kafka', async () => {
    await cluster.stop();
    await rm(dir, { recursive: true, force: true });
  });
  admin = kafkaClient(cluster.brokers, 'causeway-test').admin();
  await admin.connect();
  causeway = await startCauseway({ kafka: cluster });
});
afterAll(async () => {
  await admin.disconnect();
  await causeway.stop();
  await stopCluster();
});

/** A topic whose partitions have these replicas, the leader first. */
async function topicOn(replicas: number[][], config: Record<string, string> = {}): Promise<string> {
  const topic = `test-${crypto.randomUUID()}`;
  const replicaAssignment = replicas.map((brokers, partition) => ({ partition, replicas: brokers }));
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  await createTopic(admin, { topic, replicaAssignment, configEntries });
  return topic;
}
const leaderOf = async (topic: string, partition: number): Promise<number | undefined> => {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
  return topics[0]?.partitions.find(({ partitionId }) => partitionId === partition)?.leader;
};
async function moveLeader(topic: string, partition: number, to: number): Promise<void> {
  const partitionAssignment = [{ partition, replicas: [to] }];
  await admin.alterPartitionReassignments({ topics: [{ topic, partitionAssignment }] });
  await until(
    `broker ${to} to lead`,
    () => leaderOf(topic, partition),
    (leader) => leader === to,
  );
}
/** The broker does nothing until the answer is called, or the test is over. */
function freeze(broker: number): () => void {
  const pid = cluster.nodes.get(broker)?.pid;
  if (pid === undefined) throw new Error(`Broker ${broker} is down.`);
  process.kill(pid, 'SIGSTOP');
  const thaw = () => void process.kill(pid, 'SIGCONT');
  onTestFinished(thaw);
  return thaw;
}

test('leaders that move under a load make no delivery a lie, and break no order', async () => {
  const { api, kafka } = causeway;
  const topic = await topicOn([[1], [2], [3]]);
  const keys = Array.from({ length: 6 }, (_, n) => `order-${n}`);
  const { customerExternalId } = await causeway.createDestination({
    topic,
    partitionKey: 'payload.key',
    ordering: { lanes: 1 },
    producer: { lingerMs: 5 },
  });
  const load = startLoad(api, { customerExternalId, keys, batch: 10 });
  await until('a load', load.count, (accepted) => accepted > 100);
  for (const to of [2, 3, 1]) await moveLeader(topic, 0, to);
  await moveLeader(topic, 1, 1);
  await load.stop();
  const last = await postEvent(api, { eventType: 'e', customerExternalId, payload: { key: 'last' } });
  await untilDelivery('the last event', api, last, ({ status }) => status === 'delivered', 60_000);

  const records = await kafka.records(topic);
  for (const [key, accepted] of load.accepted) expect(firstSeen(records, key)).toEqual(accepted);
  const errors = new Set<string>();
  for (const name of [...load.accepted.values()].flat().filter((_, n) => n % 5 === 0)) {
    const id = eventIdOf(eventDigest(customerExternalId, name));
    const { status, partition, offset, attempts } = await deliveryOf(api, id);
    const there = records.find((record) => record.partition === partition && record.offset === offset);
    expect([status, there?.headers.idempotency_key]).toEqual(['delivered', name]);
    for (const { error } of attempts) if (error) errors.add(error.name);
  }
  // Else no move was met, and this test would show nothing.
  expect([...errors]).toContain('NOT_LEADER_OR_FOLLOWER');
});

// Since KIP-966 a leader with too few replicas in sync confirms nothing: NOT_ENOUGH_REPLICAS_AFTER_APPEND is kfake's to give.
test('a replica that stands still: REQUEST_TIMED_OUT, then NOT_ENOUGH_REPLICAS, then delivery', async () => {
  const { api, kafka } = causeway;
  const topic = await topicOn([[1, 2, 3]], { 'min.insync.replicas': '3' });
  const { customerExternalId } = await causeway.createDestination({ topic });
  const post = () => postEvent(api, { eventType: 'e', customerExternalId, payload: {} });
  await untilDelivery('the first event', api, await post(), ({ status }) => status === 'delivered');
  const thaw = freeze(3);
  const id = await post();
  const { status, attempts } = await untilDelivery(
    'the brokers to give the replica up',
    api,
    id,
    (delivery) => delivery.attempts.some(({ error }) => error?.name === 'NOT_ENOUGH_REPLICAS'),
    60_000,
  );
  const told = attempts.map(({ outcome, broker, error }) => [outcome, broker, error?.kind, error?.code, error?.name]);
  const leader = cluster.nodes.get(1)?.brokers[0];
  expect(status).toBe('retrying');
  expect(told.slice(0, 2)).toEqual([
    ['unknown', leader, 'outcomeUnknown', 7, 'REQUEST_TIMED_OUT'],
    ['failed', leader, 'transient', 19, 'NOT_ENOUGH_REPLICAS'],
  ]);
  thaw();
  await untilDelivery('delivery', api, id, (delivery) => delivery.status === 'delivered', 60_000);
  // Where the outcome was unknown it was appended, each time the same.
  const own = (await kafka.records(topic)).filter(({ headers }) => headers.idempotency_key === id);
  expect(own).toHaveLength(2);
  expect(new Set(own.map(({ value }) => String(value))).size).toBe(1);
});
