import { randomBytes } from 'node:crypto';
import kafkajs, { type ITopicConfig } from 'kafkajs';
import { createTopic, kafkaClient } from '../../../dev/servers/kafka.ts';
import type { HarmfulProxy } from '../../../dev/servers/toxiproxy.ts';
import { laneWorkflowId } from '../../../domain/lane.ts';
import { laneSignals } from '../../../domain/laneMessages.ts';
import type { Fault, FaultAuth } from '../fault.ts';
import type { Stand } from './stand.ts';
import type { Access } from './waysIn.ts';

/** Where the events of one fault go: a customer, a destination and a topic of its own. */
export type Target = {
  destinationId: string;
  customerExternalId: string;
  topic: string;
  /** Brokers for the run itself: never through the proxy, and with every right. */
  brokers: string[];
  /** What stands between the worker and the broker, where the fault's road leads through it. */
  proxy: HarmfulProxy | undefined;
  createTopic(): Promise<void>;
  deleteTopic(): Promise<void>;
  /** Gives the destination's principal what a customer grants: WRITE on the topic. */
  grantWrite(): Promise<void>;
  revokeWrite(): Promise<void>;
  /** Replays all dead letters of every lane, as an operator would. */
  replayLanes(): Promise<void>;
};

export const laneCount = 4;
const partitions = 3;

type Admin = ReturnType<ReturnType<typeof kafkaClient>['admin']>;

async function withAdmin<T>(brokers: string[], use: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(brokers, 'causeway-faults').admin();
  await admin.connect();
  try {
    return await use(admin);
  } finally {
    await admin.disconnect();
  }
}

type Way = Access & { admin: string[]; replicas: number; proxy?: HarmfulProxy };

async function wayTo(stand: Stand, road: Fault['road'], by: FaultAuth): Promise<Way> {
  const { broker } = stand;
  if (road === 'cluster') {
    const cluster = await stand.cluster();
    return { ...cluster.straight[by], admin: cluster.brokers, replicas: 3 };
  }
  const common = { admin: broker.brokers, replicas: 1 };
  if (road === 'proxied') return { ...common, ...broker.proxied[by] };
  // Who comes without a name may do everything, whatever rights are taken away.
  return { ...common, ...broker.straight[road === 'withRights' && by === 'none' ? 'scram' : by] };
}

export async function createTarget(stand: Stand, { name, road, topicConfig }: Fault, by: FaultAuth): Promise<Target> {
  const way = await wayTo(stand, road, by);
  const id = randomBytes(4).toString('hex');
  const topic = `${name}-${id}`;
  const customerExternalId = `acct_${id}`;
  const config: ITopicConfig = {
    topic,
    numPartitions: partitions,
    replicationFactor: way.replicas,
    configEntries: Object.entries({
      // When a record was written is for the broker to say: a reader may be late.
      'message.timestamp.type': 'LogAppendTime',
      ...(way.replicas > 1 && { 'min.insync.replicas': '2' }),
      ...topicConfig,
    }).map(([key, value]) => ({ name: key, value })),
  };
  const acl = {
    resourceType: kafkajs.AclResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: kafkajs.ResourcePatternTypes.LITERAL,
    principal: way.principal ?? '',
    host: '*',
    operation: kafkajs.AclOperationTypes.WRITE,
    permissionType: kafkajs.AclPermissionTypes.ALLOW,
  };
  const createTheTopic = () => withAdmin(way.admin, (admin) => createTopic(admin, config));
  const grantWrite = () => withAdmin(way.admin, async (admin) => void (await admin.createAcls({ acl: [acl] })));
  await createTheTopic();
  if (way.principal !== undefined) await grantWrite();
  const destinationId = await createDestination(stand, {
    type: 'KAFKA',
    name,
    customerExternalId,
    brokers: way.brokers,
    topic,
    partitionKey: 'payload.key',
    ordering: { lanes: laneCount },
    auth: way.auth,
  });
  return {
    destinationId,
    customerExternalId,
    topic,
    brokers: way.admin,
    proxy: way.proxy,
    createTopic: createTheTopic,
    grantWrite,
    deleteTopic: () => withAdmin(way.admin, (admin) => admin.deleteTopics({ topics: [topic] })),
    revokeWrite: () => withAdmin(way.admin, async (admin) => void (await admin.deleteAcls({ filters: [acl] }))),
    replayLanes: async () => {
      for (let lane = 0; lane < laneCount; lane++) {
        const handle = stand.client.workflow.getHandle(laneWorkflowId(destinationId, String(lane)));
        await handle.signal(laneSignals.replay);
      }
    },
  };
}

async function createDestination({ api }: Stand, body: Record<string, unknown>): Promise<string> {
  const answer = await api.request('POST', '/v1/destinations', body);
  if (answer.status !== 201) throw new Error(`POST /v1/destinations answered ${answer.status}: ${answer.text}`);
  return (answer.body as { id: string }).id; // What a 201 holds.
}
