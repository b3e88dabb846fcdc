/** What stands between us and a customer's topic, step by step. Nothing is written unless that is asked for. */
import type { ConnectionTest } from '../../domain/connectionTest.ts';
import type { OpenDestination } from '../../domain/destination.ts';
import { BrokerConnection } from './brokerConnection.ts';
import { type ConnectionSettings, connectionSettingsOf } from './connectionSettings.ts';
import { failureIn, NamedError } from './failureNames.ts';
import { type MetadataWithRights, metadataKey, metadataWithRights } from './metadataWithRights.ts';
import { leadersMax, topicIn } from './probe.ts';
import { TestEvent } from './testEvent.ts';
import { type Address, connected, resolved, secured } from './testSockets.ts';
import { StepFailed, TestSteps } from './testSteps.ts';

export type ConnectionTestOptions = {
  /** Whether a record is written to the topic, last. */
  sendTestEvent: boolean;
  /** The whole test takes at most so long, in ms. */
  timeoutMs?: number;
};

/** People wait for the answer. In ms. */
const testMsMax = 15_000;
/** One step of one broker takes at most so long, so that the next broker gets its turn; in ms. */
const stepMsMax = 5_000;

/**
 * Tests whether events could be delivered to the destination: name, network, TLS, authentication, topic, the leaders of its
 * partitions, and the right to write where the broker tells (Kafka 2.3 and later). Never rejects, and never shows a secret.
 */
export async function testConnection(
  destination: OpenDestination,
  { sendTestEvent, timeoutMs = testMsMax }: ConnectionTestOptions,
): Promise<ConnectionTest> {
  const steps = new TestSteps(timeoutMs, stepMsMax);
  try {
    const settings = await steps.only('authenticate', async () => connectionSettingsOf(destination));
    const { connection, at } = await firstBroker(steps, destination, settings);
    try {
      const answer = await steps.run('topic', at.text, () => metadataOf(connection, destination.topic));
      await topicSteps(steps, destination, settings, at, answer);
    } finally {
      connection.close();
    }
    if (sendTestEvent) {
      const event = new TestEvent(destination);
      await steps.run('testEvent', undefined, () => event.sent(), {
        detail: (told) => told,
        timedOut: (timeoutMs) => event.givenUp(timeoutMs),
      });
    } else steps.skip('testEvent', 'it was not asked for');
    return { passed: true, steps: steps.done() };
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    return { passed: false, steps: steps.done() };
  }
}

/** The first of the destination's brokers that lets us in. Throws what failed at the last one. */
async function firstBroker(
  steps: TestSteps,
  { brokers }: OpenDestination,
  settings: ConnectionSettings,
): Promise<{ connection: BrokerConnection; at: Address }> {
  let last: unknown;
  for (const text of brokers) {
    if (last !== undefined && steps.leftMs() <= 0) break;
    try {
      return await letIn(steps, text, settings);
    } catch (error) {
      if (!(error instanceof StepFailed)) throw error;
      last = error;
    }
  }
  throw last ?? new StepFailed();
}

async function letIn(
  steps: TestSteps,
  text: string,
  settings: ConnectionSettings,
): Promise<{ connection: BrokerConnection; at: Address }> {
  const at = await steps.run('resolve', text, () => resolved(text, settings.allowPrivate), {
    detail: ({ addresses }) => addresses.join(', '),
  });
  const socket = await steps.run('connect', text, () => connected(at, settings.allowPrivate), {
    late: (made) => made.destroy(),
  });
  try {
    const { ssl } = settings;
    if (ssl) await steps.run('tls', text, () => secured(socket, at, ssl), { detail: (told) => told });
    else steps.skip('tls', 'the destination uses none', text);
  } finally {
    socket.destroy();
  }
  const connection = new BrokerConnection(at.host, at.port, settings, stepMsMax);
  try {
    await steps.run('authenticate', text, () => connection.connect());
    return { connection, at };
  } catch (error) {
    connection.close();
    throw error;
  }
}

const metadataOf = (connection: BrokerConnection, topic: string): Promise<MetadataWithRights> =>
  connection.request(metadataKey, metadataWithRights, { topics: [topic], allowAutoTopicCreation: false });

async function topicSteps(
  steps: TestSteps,
  { topic }: OpenDestination,
  settings: ConnectionSettings,
  at: Address,
  answer: MetadataWithRights,
): Promise<void> {
  const found = await steps.again('topic', at.text, async () => topicIn(answer, topic), {
    detail: ({ partitions }) => `${partitions} ${partitions === 1 ? 'partition' : 'partitions'}`,
  });
  const others = found.leaders.filter(({ host, port }) => host !== at.host || port !== at.port).slice(0, leadersMax);
  await steps.run('leaders', undefined, () => Promise.all(others.map((leader) => visited(leader, settings))), {
    detail: () => found.leaders.map(({ host, port }) => `${host}:${port}`).join(', '),
  });
  if (found.canWrite === undefined) return steps.skip('write', 'the broker does not tell: a test event would');
  await steps.run('write', undefined, async () => {
    if (found.canWrite !== true) throw mayNotWrite(topic);
  });
}

/** The brokers name each other: what they say must be reachable from here too. */
async function visited({ host, port }: { host: string; port: number }, settings: ConnectionSettings): Promise<void> {
  const connection = new BrokerConnection(host, port, settings, stepMsMax);
  try {
    await connection.connect();
  } catch (error) {
    const failure = failureIn(error);
    throw new NamedError({ ...failure, message: `${connection.address}, a leader: ${failure.message}` });
  } finally {
    connection.close();
  }
}

const mayNotWrite = (topic: string): NamedError =>
  new NamedError({
    name: 'TOPIC_AUTHORIZATION_FAILED',
    code: 29,
    message: `Topic ${topic}: the broker shows it to our principal, who may not write to it`,
  });
