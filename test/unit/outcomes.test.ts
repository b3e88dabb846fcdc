import { expect, test } from 'vitest';
import { blockOf } from '../../domain/block.ts';
import { discarded, replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { enqueued, type LaneState, newLaneState, planned, settled } from '../../domain/laneState.ts';
import { exportedEvents, type OutcomeGroup, outcomesOfBatch, outcomesOfSignal } from '../../domain/outcomes.ts';
import { idOf } from '../harness/laneSteps.ts';

const error = {
  kind: 'recordAtFault',
  name: 'MESSAGE_TOO_LARGE',
  code: 10,
  message: 'too large',
  remedy: 'r',
} as const;
const outcome = {
  attempts: [],
  landed: [{ partition: 3, broker: 'b:1', attempt: 1, positions: [0, 2], offsets: [7, -1] }],
  refused: [1, 3].map((position) => ({ position, attempt: 1, error })),
};
function batch(): { before: LaneState; after: LaneState; groups: OutcomeGroup[] } {
  const deliveries = [0, 1, 2, 3].map((n) => ({ id: idOf(n), key: 'k', value: Buffer.from('{}') }));
  const before = planned(enqueued(newLaneState(defaultLaneLimits), blockOf(deliveries, 1, 0), 1));
  const after = settled(before, outcome, 1_000);
  return { before, after, groups: outcomesOfBatch(before, after, outcome, 1_000) };
}
const everything = { digests: 'all', reason: 'why', by: 'ada' } as const;

test('a batch tells where each event landed, and which were parked and why', () => {
  const shown = { name: 'MESSAGE_TOO_LARGE', code: 10, message: 'too large' };
  expect(batch().groups).toEqual([
    {
      outcome: 'delivered',
      atMs: 1_000,
      partition: 3,
      broker: 'b:1',
      entries: [
        [idOf(0), 7],
        [idOf(2), -1],
      ],
    },
    { outcome: 'parked', atMs: 1_000, error: shown, entries: [[idOf(1)]] },
    { outcome: 'parked', atMs: 1_000, error: shown, entries: [[idOf(3)]] },
  ]);
});

test('a replay and a discard tell which dead letters they took, with the reason and who asked; one that took none tells nothing', () => {
  const { after } = batch();
  const one = { ...everything, digests: new Set([idOf(3)]) };
  const left = discarded(after, one);
  const note = { reason: 'why', by: 'ada' };
  expect(outcomesOfSignal('discarded', [after, left], one, 2)).toEqual([
    { outcome: 'discarded', atMs: 2, ...note, entries: [[idOf(3)]] },
  ]);
  expect(outcomesOfSignal('discarded', [left, discarded(left, one)], one, 3)).toEqual([]);
  expect(outcomesOfSignal('replayed', [left, replayed(left, everything)], everything, 4)).toEqual([
    { outcome: 'replayed', atMs: 4, ...note, entries: [[idOf(1)]] },
  ]);
});

test('each outcome is an event of its own, with the same key whenever it is sent, and with another one for another outcome', () => {
  const of = { destinationId: 'dst_1', customerExternalId: 'acct_1', lane: 'k' };
  const again: OutcomeGroup = { outcome: 'parked', atMs: 9_000, entries: [[idOf(1)]] };
  const events = exportedEvents({ ...of, groups: [...batch().groups, again] }, 'operators');
  expect(events[0]).toEqual({
    eventType: 'causeway.delivery.delivered',
    occurredAt: '1970-01-01T00:00:01.000Z',
    source: 'causeway',
    customerExternalId: 'operators',
    idempotencyKey: `evt_${idOf(0)}/dst_1/delivered/3/7`,
    payload: { eventId: `evt_${idOf(0)}`, ...of, outcome: 'delivered', partition: 3, broker: 'b:1', offset: 7 },
  });
  expect(events[1]).toMatchObject({ idempotencyKey: `evt_${idOf(2)}/dst_1/delivered/1000`, payload: { partition: 3 } });
  expect(events[1]?.payload).not.toHaveProperty('offset');
  expect(events[2]).toMatchObject({
    eventType: 'causeway.delivery.parked',
    payload: { error: { name: 'MESSAGE_TOO_LARGE', code: 10 } },
  });
  expect(new Set(events.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(events.length);
});
