import type { Attempt, PartitionFailure } from '../domain/attempt.ts';

/** An attempt is in each heartbeat from then on: it tells of so many failures at most, one after the other. */
const failuresMax = 8;

/** How an attempt ended, by the failures of its partitions. */
export function endOf(
  failures: readonly PartitionFailure[],
  hasLanded: boolean,
): Pick<Attempt, 'outcome' | 'failures'> & Pick<Required<Attempt>, 'error'> {
  // Of several the one that leaves something open: a record that is there twice must be explained.
  const shown = failures.find(({ outcome }) => outcome === 'unknown') ?? failures[0];
  if (!shown) return { outcome: 'delivered', error: undefined };
  const { error } = shown;
  const alike = inGroups(failures);
  if (alike.length === 1 && !hasLanded) return { outcome: shown.outcome, error };
  return { outcome: hasLanded ? 'partly' : shown.outcome, error, failures: alike };
}

/** One for each reason and broker; where these are too many, one for each reason. */
function inGroups(failures: readonly PartitionFailure[]): PartitionFailure[] {
  const byBroker = grouped(failures, ({ error, outcome, brokers }) => [error.name, outcome, ...brokers].join(' '));
  return byBroker.length <= failuresMax
    ? byBroker
    : grouped(failures, ({ error, outcome }) => `${error.name} ${outcome}`);
}

function grouped(
  failures: readonly PartitionFailure[],
  nameOf: (failure: PartitionFailure) => string,
): PartitionFailure[] {
  const groups = new Map<string, PartitionFailure>();
  for (const failure of failures) {
    const group = groups.get(nameOf(failure));
    groups.set(nameOf(failure), group ? joined(group, failure) : failure);
  }
  return [...groups.values()];
}

const joined = (one: PartitionFailure, other: PartitionFailure): PartitionFailure => ({
  ...one,
  partitions: [...one.partitions, ...other.partitions],
  brokers: [...new Set([...one.brokers, ...other.brokers])],
});
