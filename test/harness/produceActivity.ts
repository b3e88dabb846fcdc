import type { Info } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import type { BrokerClients } from '../../activities/kafka/topicConnection.ts';
import { Outages } from '../../activities/outages.ts';
import { Patience } from '../../activities/patience.ts';
import { createProduceActivity, type ProduceDependencies } from '../../activities/produce.ts';
import type { Attempt, Outcome, Progress } from '../../domain/attempt.ts';
import { type Block, blockOf } from '../../domain/block.ts';
import type { OpenDestination } from '../../domain/destination.ts';
import type { Resumed } from '../../domain/laneHold.ts';
import { nothingSettled } from '../../domain/settledBefore.ts';
import { noTrafficMeter } from '../../domain/traffic.ts';
import { workerMetrics } from '../../worker/metrics.ts';
import type { TestTemporal } from './temporal.ts';

/** What came of one try: the activity's answer, or the failure that it threw; and what it would go on from. */
export type Try = {
  outcome?: Outcome | undefined;
  thrown?: ApplicationFailure | undefined;
  attempts: Attempt[];
  progress: Progress;
};

/** Where a batch stood when Temporal hands it out. */
export type Before = { attempt: number; heartbeatDetails: Progress };

export type TestProduce = {
  /** One try of the produce activity, as a worker would run it. */
  run(destination: OpenDestination, block: Block, before?: Before): Promise<Try>;
  /** … where the destination comes out of a real store, or does not, and Temporal has limits of its own. */
  runFrom(
    destinations: ProduceDependencies['destinations'],
    destinationId: string,
    block: Block,
    info?: Partial<Info>,
  ): Promise<Try>;
  /** What came of each try so far. */
  tries: Try[];
  /** The lines of the log, as objects. */
  logged: Record<string, unknown>[];
  /** What the worker shows to Prometheus. */
  metrics(): Promise<string>;
  close(): void;
};

type TestProduceOptions = {
  /** For so long a batch is tried before its lane waits, in ms; for ever where absent, to look at what the table says of a failure. */
  waitAfterMs?: number;
  /** Where given, the lane of each batch held, and was only just let go on. */
  resumed?: Resumed;
};

/** Another Kafka client, put to the same tests; not known to the compiler here, for it is installed apart: docs/decisions/kafka-client.md. */
const otherClient = '../../bench/clients/platformaticBroker.ts';
type OtherClient = { platformaticBrokers: (encoding: 'ours') => BrokerClients };
const brokers =
  process.env.CAUSEWAY_TEST_KAFKA_CLIENT === 'platformatic'
    ? ((await import(otherClient)) as OtherClient).platformaticBrokers('ours')
    : undefined;

/** Temporal's limits of the activity, as the lane gives them; heartbeats of a try that Temporal does not know fail. */
const timeouts = { startToCloseTimeoutMs: 60_000, heartbeatTimeoutMs: 60_000 };

/**
 * The real produce activity with its real connections; only Temporal's part is played, by its own test environment, so that a
 * batch may have been tried for a quarter of an hour already.
 */
export function testProduce(
  { client }: Pick<TestTemporal, 'client'>,
  { waitAfterMs = Number.POSITIVE_INFINITY, resumed }: TestProduceOptions = {},
): TestProduce {
  const logged: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (line) => void logged.push(JSON.parse(line)) });
  const tries: Try[] = [];
  const stores = new Map<string, ProduceDependencies['destinations']>();
  const destinations: ProduceDependencies['destinations'] = { open: async (id) => await stores.get(id)?.open(id) };
  const outages = new Outages(waitAfterMs, () => 1);
  const patience = new Patience({ destinations, outages, tellKeeper: async () => undefined, waitAfterMs });
  const { meter, registry } = workerMetrics();
  const { activities, close } = createProduceActivity({
    ...{ destinations, temporal: client, patience, logger, meter, traffic: noTrafficMeter },
    settledBefore: { of: async () => nothingSettled() },
    brokers,
  });
  const tried: TestProduce['runFrom'] = async (destinations, destinationId, block, given = {}) => {
    stores.set(destinationId, destinations);
    const scheduled = { scheduledTimestampMs: Date.now(), currentAttemptScheduledTimestampMs: Date.now() };
    const environment = new MockActivityEnvironment({ ...timeouts, ...scheduled, ...given });
    let progress: Progress = { attempts: [], landed: [], refused: [], temporalAttempt: 0 };
    environment.on('heartbeat', (details: Progress) => {
      progress = structuredClone(details);
    });
    try {
      const outcome: Outcome = await environment.run(activities.produce, { destinationId, resumed }, block);
      return { outcome, attempts: outcome.attempts, progress };
    } catch (thrown) {
      if (!(thrown instanceof ApplicationFailure)) throw thrown;
      return { thrown, attempts: progress.attempts, progress };
    }
  };
  const runFrom: TestProduce['runFrom'] = async (...of) => {
    const one = await tried(...of);
    tries.push(one);
    return one;
  };
  return {
    run: (destination, block, before) =>
      runFrom({ open: async () => destination }, destination.id, block, { ...before }),
    runFrom,
    tries,
    logged,
    metrics: () => registry.metrics(),
    close,
  };
}

/** A destination as the store gives it. */
export const openDestination = (given: Pick<OpenDestination, 'brokers' | 'topic'> & Partial<OpenDestination>) =>
  ({
    ...{ id: `dst_${given.topic}`, customerExternalId: 'c', type: 'KAFKA', name: 'Test', enabled: true, version: 1 },
    ...{ partitionKey: 'payload.key', eventTypes: ['*'], onDeadLetter: 'continue', ordering: { lanes: 1 } },
    auth: { mode: 'NONE', tls: false },
    producer: { lingerMs: 0, batchSizeBytes: 1_048_576, acks: 'all' },
    ...{ createdAt: '2026-01-01T00:00:00Z', updatedAt: '2026-01-01T00:00:00Z', secrets: {} },
    allowPrivate: true,
    ...given,
  }) satisfies OpenDestination;

/** A block with an event for each key; the name of each is its idempotency key. */
export const blockWithKeys = (keys: readonly string[]): Block =>
  blockOf(
    keys.map((key, n) => ({
      id: String(n).padStart(22, '0'),
      key,
      value: Buffer.from(JSON.stringify({ eventType: 'e', idempotencyKey: `${n}`, payload: { key } })),
    })),
    Date.now(),
    0,
  );
