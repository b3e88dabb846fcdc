/** The one place that writes to a customer's Kafka. */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import type { Outcome, ProduceRequest, Progress } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import type { OpenDestination } from '../domain/destination.ts';
import { discardedBefore, landedBefore } from '../domain/settledBefore.ts';
import type { TrafficMeter } from '../domain/traffic.ts';
import { AttemptLog } from './attemptLog.ts';
import { BatchDelivery } from './batchDelivery.ts';
import { countedFor, type DeliveryMeter } from './deliveryMeter.ts';
import { reportFailure } from './failureReport.ts';
import { notBefore } from './freshDestination.ts';
import { ProducerPool } from './kafka/producerPool.ts';
import type { BrokerClients } from './kafka/topicConnection.ts';
import { Lease } from './lease.ts';
import type { Patience } from './patience.ts';
import type { SettledBefore } from './settledBefore.ts';
import { Spacing } from './spacing.ts';

export type ProduceDependencies = {
  destinations: { open(id: string): Promise<OpenDestination | undefined> };
  /** Heartbeats go through it, for their confirmation counts. */
  temporal: Client;
  patience: Patience;
  /** What a lane settled before a reset. */
  settledBefore: Pick<SettledBefore, 'of'>;
  logger: Logger;
  meter: DeliveryMeter;
  traffic: TrafficMeter;
  /** An error that also occurs in passing is final after so long at the latest, in ms; where absent the table alone says when. */
  faultAfterMsMax?: number;
  /** The customer whose events outcomes become; undefined where they are not exported. */
  exportTo?: string | undefined;
  /** Another Kafka client than the usual one: docs/decisions/kafka-client.md. */
  brokers?: BrokerClients | undefined;
};

/**
 * The SDK gives a try up that it has heard nothing of for the heartbeat timeout and five seconds (sdk-core's `ActivityLocalTimers`). What it is told
 * is one more write of Temporal's, so it is told as seldom as that allows.
 */
const sdkToldEveryMs = 4_000;

/**
 * Batches in the slow places end by the hundred at one moment: when their broker answers, or the question to it that they share runs out. Each end is work for Temporal and
 * a lane, which other destinations' events would wait behind: docs/decisions/slow-brokers.md
 */
const slowEnds = { everyMs: 80, waitMsMax: 5_000 };

export type ProduceActivity = { produce(request: ProduceRequest, block: Block): Promise<Outcome> };

/** The run that a reset made, where the lane may have forgotten what it did: a batch that was on its way at the reset point can't say so. */
const resetRunOf = (request: ProduceRequest, runId: string | undefined): string | undefined =>
  request.runId !== undefined && request.runId !== runId ? runId : request.resetRunId;

/** The produce activity on its own pool of connections; `close` ends those. */
export function createProduceActivity({
  destinations,
  temporal,
  patience,
  settledBefore,
  logger,
  meter,
  traffic,
  faultAfterMsMax,
  exportTo,
  brokers,
}: ProduceDependencies): {
  activities: ProduceActivity;
  /** Whether this process sends nothing with an earlier version of the destination any more, nor will. */
  hasLetGoBefore(destination: OpenDestination): boolean;
  close(): void;
} {
  const producers = new ProducerPool(brokers);
  const spacing = new Spacing(slowEnds);
  const produce = async (request: ProduceRequest, block: Block): Promise<Outcome> => {
    const { destinationId, resumed } = request;
    const context = Context.current();
    const { info, cancellationSignal } = context;
    const resetRunId = resetRunOf(request, info.workflowExecution?.runId);
    // What another version of this code left there is not looked at more closely: it is our own.
    const before = info.heartbeatDetails as Progress | undefined;
    const temporalTry = {
      attempt: info.attempt,
      scheduledAtMs: info.scheduledTimestampMs,
      currentScheduledAtMs: info.currentAttemptScheduledTimestampMs,
    };
    const log = new AttemptLog(before, temporalTry, countedFor(destinationId, meter, traffic), faultAfterMsMax);
    let sdkToldMs = performance.now();
    const lease = new Lease({
      heartbeat: () => {
        const progress = log.progress();
        if (performance.now() - sdkToldMs > sdkToldEveryMs) {
          context.heartbeat(progress);
          sdkToldMs = performance.now();
        }
        return temporal.activity.heartbeat(info.taskToken, progress);
      },
      heartbeatTimeoutMs: info.heartbeatTimeoutMs ?? info.startToCloseTimeoutMs,
      attemptTimeoutMs: info.startToCloseTimeoutMs,
      scheduledAtMs: info.currentAttemptScheduledTimestampMs,
    });
    cancellationSignal.addEventListener('abort', () => lease.lose(), { once: true });
    try {
      await lease.take(); // First: what comes may take longer than Temporal waits for a heartbeat.
      if (resetRunId !== undefined) {
        const known = await settledBefore.of(info.workflowExecution?.workflowId ?? '', resetRunId);
        const { entries } = block;
        log.settleBefore(resetRunId, landedBefore(entries, known), discardedBefore(entries, known));
      }
      if (block.entries.every((_, position) => log.isSettled(position))) return log.outcome();
      const known = await patience.holdBefore(request);
      if (known) return log.outcome(known);
      const current = notBefore(destinations, resumed?.version);
      // What it has begun must go on where that is known: in its heartbeats, here.
      const mayStepAside = request.slow === false && info.attempt === 1 && before === undefined;
      const place = request.slow ? ('slow' as const) : ('usual' as const);
      const where = { place, tellsSlow: request.slow !== undefined, mayStepAside };
      const parts = { block, destinations: current, producers, log, lease };
      const delivery = new BatchDelivery({ destinationId, ...parts, ...where });
      const running = delivery.run(); // It begins an attempt at once.
      // A worker that is lost again before its first heartbeat would leave no time of this attempt.
      if (log.followsLoss) lease.tellNow();
      const result = await running;
      if ('steppedAside' in result) {
        meter.steppedAside();
        return result.steppedAside;
      }
      if ('outcome' in result && !result.outcome.suspended) {
        patience.delivered(destinationId);
        return result.outcome;
      }
      context.heartbeat(log.progress()); // What is settled survives, should what follows fail.
      if ('outcome' in result) return { ...result.outcome, ...(await patience.holdFor(request, result.outcome)) };
      const { name, message } = result.tryAgain;
      reportFailure(logger, { destinationId, name, attempt: info.attempt });
      const { isSent, soFar } = result;
      const met = { failingMs: log.failingMs(), version: soFar.version, isSent };
      const hold = await patience.holdAfter(request, result.tryAgain, met);
      if (hold) return { ...soFar, ...hold };
      throw ApplicationFailure.create({ type: name, message: `${name}: ${message}` });
    } finally {
      // What is settled is sent at once, should this worker be lost meanwhile. The end of the lease ends the wait.
      if (request.slow) await spacing.turn(lease.signal, () => lease.tellNow());
      lease.end();
    }
  };
  const exporting: ProduceActivity['produce'] = async (request, block) => ({
    ...(await produce(request, block)),
    exportTo,
  });
  return {
    activities: { produce: exportTo === undefined ? produce : exporting },
    hasLetGoBefore: (destination) => producers.hasLetGoBefore(destination),
    close: () => producers.close(),
  };
}
