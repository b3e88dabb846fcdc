import { expect, test } from 'vitest';
import { OnTheirWay } from '../../api/onTheirWay.ts';
import type { Destination } from '../../domain/destination.ts';
import { plainDestination } from '../harness/plainDestination.ts';

const soon = () => new Date(Date.now() + 60_000).toISOString();
const plain = plainDestination('dst_a');
const workflowId = 'delivery:dst_a:c';

function watched() {
  const state = { current: [plain] as Destination[], nowMs: 0, isAway: false, noted: [] as string[] };
  const events = new OnTheirWay({
    forCustomer: async () => state.current,
    note: async (some) => {
      if (state.isAway) throw new Error('It is away.');
      state.noted.push(...some.map((one) => `${one.eventId} ${one.workflowId}`));
    },
    now: () => state.nowMs,
  });
  return { state, events };
}

test.each<[string, Partial<Destination>, boolean]>([
  ['that changes its lanes is noted', { lanesHeldUntil: soon() }, true],
  ['that has other lanes by now is noted', { ordering: { lanes: 4 } }, true],
  ['that changes otherwise is not', { topic: 'another' }, false],
])('an event on its way to a destination %s', async (_, changed, isNoted) => {
  const { state, events } = watched();
  events.began('a', [{ destination: plain, workflowId }]);
  await events.look();
  expect(state.noted).toEqual([]);
  state.current = [plainDestination('dst_a', changed)];
  await events.look();
  expect(state.noted).toEqual(isNoted ? [`a ${workflowId}`] : []);
});

test('an event that has arrived is not noted, and one that takes long is noted anew', async () => {
  const { state, events } = watched();
  const arrived = events.began('a', [{ destination: plain, workflowId }]);
  events.began('b', [{ destination: plain, workflowId }]);
  arrived();
  state.current = [plainDestination('dst_a', { lanesHeldUntil: soon() })];
  await events.look();
  await events.look();
  expect(state.noted).toEqual([`b ${workflowId}`]);
  state.nowMs = 10_001;
  await events.look();
  expect(state.noted).toHaveLength(2);
});

test('what could not be noted is with the next look', async () => {
  const { state, events } = watched();
  events.began('a', [{ destination: plain, workflowId }]);
  state.current = [plainDestination('dst_a', { lanesHeldUntil: soon() })];
  state.isAway = true;
  await events.look();
  state.isAway = false;
  await events.look();
  expect(state.noted).toEqual([`a ${workflowId}`]);
});
