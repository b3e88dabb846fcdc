/** Lanes that hold for their destination's sake, one for each key, and their keeper. */
import { expect } from 'vitest';
import { keeperWorkflowId } from '../../domain/keeper.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries } from '../../domain/laneMessages.ts';
import type { Causeway, CreatedDestination } from './causeway.ts';
import type { TestKafka } from './kafka.ts';
import { firstSeen } from './order.ts';
import type { TestTemporal } from './temporal.ts';
import { until } from './until.ts';

/** A worker that lets a lane wait after seconds, for a test can't wait a minute. */
export const impatient = { CAUSEWAY_WAIT_AFTER_MS: '3000' };

export const keysUpTo = (count: number): string[] => Array.from({ length: count }, (_, n) => `k${n}`);

/** The `n`th event of a key. */
export const eventOf = ({ customerExternalId }: CreatedDestination, key: string, n: number) => ({
  eventType: 'e',
  customerExternalId,
  idempotencyKey: `${key}#${n}`,
  payload: { key },
});

/** What tests do with such lanes; the world is asked for once it is there. */
export function heldLanes(world: () => { causeway: Causeway; temporal: TestTemporal }) {
  const handleOf = (workflowId: string) => world().temporal.client.workflow.getHandle(workflowId);
  const lane = ({ id }: CreatedDestination, key: string) => handleOf(laneWorkflowId(id, key));
  const statusOf = (destination: CreatedDestination, key: string): Promise<LaneStatus> =>
    lane(destination, key).query<LaneStatus>(laneQueries.status);
  /** How many of a destination's lanes visibility shows in this state. */
  const countIn = async ({ id }: CreatedDestination, state: string): Promise<number> =>
    (await world().temporal.client.workflow.count(`DestinationId="${id}" AND DeliveryState="${state}"`)).count;
  const post = async (destination: CreatedDestination, keys: readonly string[], n: number): Promise<void> => {
    const batch = 100;
    for (let at = 0; at < keys.length; at += batch) {
      const events = keys.slice(at, at + batch).map((key) => eventOf(destination, key, n));
      await until(
        'the batch to be accepted',
        () => world().causeway.api.postBatch(events),
        ({ status }) => status === 202,
        120_000,
      );
    }
  };
  const untilState = (destination: CreatedDestination, key: string, state: string, timeoutMs = 60_000) =>
    until(
      `lane ${key} to be ${state}`,
      () => statusOf(destination, key),
      (seen) => seen.state === state,
      timeoutMs,
    );

  return {
    ...{ lane, statusOf, countIn, post, untilState },
    keeper: ({ id }: CreatedDestination) => handleOf(keeperWorkflowId(id)),
    keyed: (overrides: Record<string, unknown> = {}): Promise<CreatedDestination> =>
      world().causeway.createDestination({
        partitionKey: 'payload.key',
        ordering: { lanes: 'key' },
        producer: { lingerMs: 0 },
        ...overrides,
      }),

    untilCount: (destination: CreatedDestination, state: string, count: number) =>
      until(
        `${count} lanes to be ${state}`,
        () => countIn(destination, state),
        (seen) => seen === count,
        120_000,
      ),

    /**
     * An event in a new lane each, until all wait: after how many ms each looks by itself, for each worker that let some wait; in the order in
     * which they will look.
     */
    async looksOf(destination: CreatedDestination, keys: readonly string[]): Promise<number[][]> {
      await post(destination, keys, 1);
      const looks = new Map<string, number[]>();
      for (const key of keys) {
        const { hold } = await untilState(destination, key, 'Waiting');
        const { events } = await lane(destination, key).fetchHistory();
        const answers = events?.flatMap(({ activityTaskCompletedEventAttributes: answer }) => answer ?? []);
        const worker = answers?.at(-1)?.identity ?? 'nobody';
        const afterMs = Date.parse(hold?.looksAt ?? '') - Date.parse(hold?.since ?? '');
        looks.set(worker, [...(looks.get(worker) ?? []), afterMs]);
      }
      return [...looks.values()].map((ofOne) => ofOne.toSorted((a, b) => a - b));
    },

    /** The first `count` events of each key. At least once: a repeat is allowed, a swap and a loss are not. */
    async expectInOrder(
      { topic }: CreatedDestination,
      keys: readonly string[],
      count: number,
      kafka: TestKafka = world().causeway.kafka,
    ): Promise<void> {
      const records = await until(
        'all records',
        () => kafka.records(topic),
        (seen) => keys.every((key) => firstSeen(seen, key).length >= count),
        90_000,
      );
      const numbers = Array.from({ length: count }, (_, n) => n + 1);
      for (const key of keys) expect(firstSeen(records, key)).toEqual(numbers.map((n) => `${key}#${n}`));
    },

    async patch({ id }: CreatedDestination, change: Record<string, unknown>): Promise<void> {
      const { status, text } = await world().causeway.api.request('PATCH', `/v1/destinations/${id}`, change);
      expect(status, text).toBe(200);
    },
  };
}
