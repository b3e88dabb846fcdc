import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { exportTaskQueue, type OutcomeGroup, type Outcomes, outcomeCount } from '../../domain/outcomes.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, type Lane, newLane, numbersIn, produceActivity, whileWorking } from '../harness/workflowLane.ts';

describe('a lane whose outcomes are exported', () => {
  const server = timeSkipping();

  /** Runs a lane whose produce says where outcomes go, and a worker that takes them. */
  async function withExport(
    { exportTo, handOver }: { exportTo: string; handOver(outcomes: Outcomes): Promise<void> },
    use: (lane: Lane, sent: number[]) => Promise<void>,
  ): Promise<void> {
    const taskQueue = randomUUID();
    const sent: number[] = [];
    const produce = produceActivity((block) => {
      sent.push(...numbersIn(block));
      return { ...answer(block, (n) => n >= 1_000), exportTo };
    });
    const lanes = await server.workflowWorker(taskQueue, { activities: { produce } });
    const exports = await server.workflowWorker(exportTaskQueue(taskQueue), { activities: { handOver } });
    const lane = newLane(server, taskQueue, { historyEventsMax: 60 });
    await exports.runUntil(() => whileWorking(lanes, lane, () => use(lane, sent)));
  }
  const told = (groups: readonly OutcomeGroup[]) =>
    groups.flatMap(({ outcome, entries }) => entries.map(([id]) => `${outcome} ${Number(id)}`));

  test('gives each outcome out of its hands once, in order, over many runs', async () => {
    const given: string[] = [];
    const handOver = async ({ groups }: Outcomes) => void given.push(...told(groups));
    await withExport({ exportTo: 'operators', handOver }, async ({ enqueue, handle, status }) => {
      const { runId } = await enqueue([0]);
      for (let n = 1; n < 40; n++) await enqueue([n]);
      await enqueue([1_000]);
      await until('one parked', status, ({ counts }) => counts.parked === 1);
      await handle.signal('replay', { all: true });
      await until('it is parked again', status, ({ counts }) => counts.parked === 2);
      await handle.signal('discard', { all: true });
      await until('all is given', () => given.length === 44);
      const last = ['parked 1000', 'replayed 1000', 'parked 1000', 'discarded 1000'];
      expect(given).toEqual([...Array.from({ length: 40 }, (_, n) => `delivered ${n}`), ...last]);
      expect((await handle.describe()).runId).not.toBe(runId);
    });
  });

  test('tells of what a lane was sent again before its first batch, which tells it of the export', async () => {
    const given: string[] = [];
    const handOver = async ({ groups }: Outcomes) => void given.push(...told(groups));
    await withExport({ exportTo: 'operators', handOver }, async ({ resend }) => {
      await resend([0, 1]);
      await until('all is given', () => given.length === 4);
      expect(given).toEqual(['replayed 0', 'replayed 1', 'delivered 0', 'delivered 1']);
    });
  });

  test('delivers on while nobody takes them, and gives them all later, in few activities', async () => {
    let isAway = true;
    const given: Outcomes[] = [];
    const handOver = async (outcomes: Outcomes) => {
      if (isAway) throw new Error('away');
      given.push(outcomes);
    };
    await withExport({ exportTo: 'operators', handOver }, async ({ enqueue }, sent) => {
      for (let n = 0; n < 20; n++) await enqueue([n]);
      await until('all are sent', () => sent.length === 20);
      expect(given).toEqual([]);
      isAway = false;
      const all = () => given.flatMap(({ groups }) => told(groups));
      await until('all is given', () => all().length === 20);
      expect(all()).toEqual(Array.from({ length: 20 }, (_, n) => `delivered ${n}`));
      expect(given.length).toBeLessThan(10);
      expect(Math.max(...given.map(({ groups }) => outcomeCount(groups)))).toBeGreaterThan(2);
    });
  });

  test("gives nothing of the operator's own events, which would be more of them", async () => {
    const given: Outcomes[] = [];
    const handOver = async (outcomes: Outcomes) => void given.push(outcomes);
    // The lane's customer is "c".
    await withExport({ exportTo: 'c', handOver }, async ({ enqueue, handle }, sent) => {
      await enqueue([0]);
      await until('it is sent', () => sent.length === 1);
      await enqueue([1]);
      await until('it is sent', () => sent.length === 2);
      const { events } = await handle.fetchHistory();
      const names = events?.flatMap((event) => event.activityTaskScheduledEventAttributes?.activityType?.name ?? []);
      expect([new Set(names), given]).toEqual([new Set(['produce']), []]);
    });
  });
});
