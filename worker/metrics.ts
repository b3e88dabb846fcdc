/** What a worker counts since it began, for Prometheus. No label holds a destination, a key or a customer. */
import { Counter, collectDefaultMetrics, Registry } from 'prom-client';
import type { DeliveryMeter } from '../activities/deliveryMeter.ts';
import type { ExportMeter } from '../activities/exportMeter.ts';
import type { KeyAlarm } from '../activities/payloadKeyWatch.ts';
import { failureRowOf, failureRows, isListed } from '../domain/failures.ts';

/** Names of errors that no table has come from brokers and libraries: so many are told apart, and the others are `other`. */
const unlistedNamesMax = 100;
const plainName = /^[A-Za-z0-9_.-]{1,80}$/;

export type WorkerMetrics = {
  meter: DeliveryMeter;
  exportMeter: ExportMeter;
  /** A payload came whose key is not there, or processes differ in `CAUSEWAY_HASH_KEYS`. */
  keyAlarm(alarm: KeyAlarm): void;
  registry: Registry;
};
const keyAlarms: readonly KeyAlarm[] = ['PAYLOAD_KEY_MISSING', 'HASH_KEYS_DIFFER'];

/** The counters of one worker process, on a registry of their own. */
export function workerMetrics(): WorkerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const attempts = new Counter({
    name: 'causeway_attempts_total',
    help: 'Attempts to produce a batch that are over, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const records = new Counter({
    name: 'causeway_records_delivered_total',
    help: "Records that a customer's broker has confirmed.",
    registers,
  });
  const steppedAside = new Counter({
    name: 'causeway_batches_stepped_aside_total',
    help: 'Batches that began nothing in a usual place, for their destination takes long to answer.',
    registers,
  });
  const parked = new Counter({
    name: 'causeway_records_parked_total',
    help: 'Records that were refused for good: dead letters.',
    registers,
  });
  const unlisted = new Counter({
    name: 'causeway_unlisted_errors_total',
    help: 'Errors that no table of ours has, by name: each belongs into domain/failures.ts or domain/kafkaErrors.ts.',
    labelNames: ['error'],
    registers,
  });
  const alarms = new Counter({
    name: 'causeway_alarms_total',
    help: 'Failures that are our own fault and not a customer’s, by name: any growth wants a person.',
    labelNames: ['alarm'],
    registers,
  });
  const outcomes = new Counter({
    name: 'causeway_outcomes_total',
    help: 'Outcomes for the operator’s own topic: exported, or held in workflows until the API takes them.',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['exported', 'held'] as const) outcomes.inc({ result }, 0);
  // What can happen is there from the start: the first alarm is then an increase that a rule sees.
  for (const outcome of ['delivered', 'partly', 'failed', 'unknown'] as const) attempts.inc({ outcome }, 0);
  for (const { name, isOurs } of failureRows) if (isOurs) alarms.inc({ alarm: name }, 0);
  for (const alarm of keyAlarms) alarms.inc({ alarm }, 0);
  unlisted.inc({ error: 'other' }, 0);

  const names = new Set<string>();
  const boundedName = (name: string): string => {
    if (!plainName.test(name)) return 'other';
    if (names.size < unlistedNamesMax) names.add(name);
    return names.has(name) ? name : 'other';
  };
  return {
    registry,
    keyAlarm: (alarm) => alarms.inc({ alarm }),
    exportMeter: {
      exported: (count) => outcomes.inc({ result: 'exported' }, count),
      held: (count) => outcomes.inc({ result: 'held' }, count),
    },
    meter: {
      attempted: (outcome) => attempts.inc({ outcome }),
      delivered: (count) => records.inc(count),
      parked: () => parked.inc(),
      steppedAside: () => steppedAside.inc(),
      met: (name) => {
        if (!isListed(name)) unlisted.inc({ error: boundedName(name) });
        else if (failureRowOf(name).isOurs) alarms.inc({ alarm: name });
      },
    },
  };
}
