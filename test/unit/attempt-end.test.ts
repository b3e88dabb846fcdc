import { expect, test } from 'vitest';
import { endOf } from '../../activities/attemptEnd.ts';
import type { PartitionFailure } from '../../domain/attempt.ts';
import { failureRowOf } from '../../domain/failures.ts';

const failureOf = (partition: number, broker: string, name: string): PartitionFailure => {
  const { kind, remedy } = failureRowOf(name);
  const outcome = kind === 'outcomeUnknown' ? 'unknown' : 'failed';
  return { partitions: [partition], brokers: [broker], outcome, error: { kind, name, message: name, remedy } };
};
const shapeOf = ({ partitions, brokers, outcome, error }: PartitionFailure) => [
  partitions,
  brokers,
  outcome,
  error.name,
];

test('partitions that failed in one way share the attempt’s error', () => {
  const failures = [0, 1].map((partition) => failureOf(partition, 'b:1', 'NOT_LEADER_OR_FOLLOWER'));
  expect(endOf(failures, false)).toEqual({ outcome: 'unknown', error: failures[0]?.error });
  expect(endOf([], true)).toEqual({ outcome: 'delivered', error: undefined });
});

test('partitions that failed in different ways are told apart, and the attempt shows the one that leaves something open', () => {
  const failures = [
    failureOf(0, 'b:1', 'NOT_ENOUGH_REPLICAS'),
    failureOf(1, 'b:2', 'REQUEST_TIMED_OUT'),
    failureOf(2, 'b:1', 'NOT_ENOUGH_REPLICAS'),
  ];
  const end = endOf(failures, false);
  expect([end.outcome, end.error?.name]).toEqual(['unknown', 'REQUEST_TIMED_OUT']);
  expect(end.failures?.map(shapeOf)).toEqual([
    [[0, 2], ['b:1'], 'failed', 'NOT_ENOUGH_REPLICAS'],
    [[1], ['b:2'], 'unknown', 'REQUEST_TIMED_OUT'],
  ]);
});

test('a partition that failed beside one that took its records is told of as well', () => {
  const end = endOf([failureOf(1, 'b:2', 'NOT_ENOUGH_REPLICAS')], true);
  expect([end.outcome, end.failures?.map(shapeOf)]).toEqual([
    'partly',
    [[[1], ['b:2'], 'failed', 'NOT_ENOUGH_REPLICAS']],
  ]);
});

test('a hundred brokers that fail alike are one failure: each heartbeat has it', () => {
  const failures = Array.from({ length: 100 }, (_, n) => failureOf(n, `b:${n}`, 'ECONNREFUSED'));
  const [only, ...more] = endOf(failures, true).failures ?? [];
  expect(more).toEqual([]);
  expect(only?.partitions).toHaveLength(100);
});
