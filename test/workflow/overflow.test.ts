import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import type { Block } from '../../domain/block.ts';
import { type OverflowingLane, withOverflowingLane } from '../harness/overflowingLane.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, noting, numbersIn } from '../harness/workflowLane.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** The time-skipping server deletes nothing: a segment of this name is not there. */
const missingSegment = 'overflow:none';

/** The first event is sent; the others come while the lane is paused, until more than so many segments hold them. */
async function letBacklogGo(
  { enqueue, handle, untilSegments }: OverflowingLane,
  sent: readonly number[],
  more: { events: number; segments: number },
): Promise<void> {
  await enqueue(0);
  await until('the first', () => sent.length === 1);
  await handle.signal('pause');
  for (let n = 1; n < more.events; n++) await enqueue(n);
  await untilSegments(more.segments);
  await handle.signal('resume');
}

describe('a lane with more than it can hold', () => {
  const server = timeSkipping();

  test('puts it into segments while it is paused, over many runs, and delivers it in order, once each, when resumed', async () => {
    const { sent, produce } = noting();
    const use = async ({ enqueue, handle, status, segments, stateOf, untilNoSegmentIsOpen }: OverflowingLane) => {
      const { runId } = await enqueue(0);
      await until('the first', () => sent.length === 1);
      await handle.signal('pause');
      for (let n = 1; n < 40; n++) await enqueue(n);
      await enqueue(7); // Seen before: it is in a segment.
      const waiting = await until('all to wait', status, ({ counts }) => counts.accepted + counts.repeated === 41);
      expect(waiting).toMatchObject({ state: 'Paused', waitingEvents: 39, counts: { repeated: 1 } });
      const opened = await until('segments to be opened', segments, ({ length }) => length > 7);
      expect(await stateOf(opened[0] ?? '')).toBe('RUNNING');
      await until('a new run', async () => (await handle.describe()).runId !== runId);

      await handle.signal('resume');
      for (let n = 40; n < 50; n++) await enqueue(n);
      await until('all to be sent', () => sent.length >= 50);
      expect(sent).toEqual(upTo(50));
      await untilNoSegmentIsOpen();
      expect((await status()).overflow).toBeUndefined();
    };
    await withOverflowingLane(server, produce, use, { limits: { historyEventsMax: 60 } });
  });

  test('loses and swaps nothing though it is paused again in the middle, and takes events in all the time', async () => {
    const { sent, produce } = noting();
    const use = async ({ enqueue, handle }: OverflowingLane) => {
      await enqueue(0);
      for (let round = 0; round < 4; round++) {
        await handle.signal('pause');
        for (let n = 1; n <= 15; n++) await enqueue(round * 15 + n);
        const before = sent.length;
        await handle.signal('resume');
        await until('some to be sent', () => sent.length > before);
      }
      await until('all to be sent', () => sent.length >= 61);
      expect(sent).toEqual(upTo(61));
    };
    await withOverflowingLane(server, produce, use, { limits: { historyEventsMax: 60 } });
  });

  test('goes on the same way from its history alone, replayed at every step', async () => {
    const { sent, produce } = noting();
    const use = async (lane: OverflowingLane) => {
      await letBacklogGo(lane, sent, { events: 30, segments: 5 });
      await until('all to be sent', () => sent.length >= 30);
      expect(sent).toEqual(upTo(30));
    };
    await withOverflowingLane(server, produce, use, { limits: { historyEventsMax: 80 }, maxCachedWorkflows: 0 });
  });

  test('stands still and says why where a segment is gone, skips nothing, and tries again on resume', async () => {
    const { sent, produce } = noting();
    let isGone = true;
    const use = async (lane: OverflowingLane) => {
      await letBacklogGo(lane, sent, { events: 20, segments: 3 });
      const stopped = await until('it to stand still', lane.status, ({ state }) => state === 'Suspended');
      expect(stopped).toMatchObject({ hold: { error: { name: 'SEGMENT_MISSING' } }, held: { reason: 'suspended' } });
      expect(stopped.held?.remedy).toContain(`overflow:${lane.handle.workflowId.split(':')[1]}:k:`);
      expect(sent).toEqual([0]);
      isGone = false;
      await lane.handle.signal('resume');
      await until('all to be sent', () => sent.length >= 20);
      expect(sent).toEqual(upTo(20));
    };
    await withOverflowingLane(server, produce, use, { segmentToRead: (id) => (isGone ? missingSegment : id) });
  });

  test('delivers the other keys though more than it can hold waits behind a dead letter, and all in order once that is replayed', async () => {
    const sent: number[] = [];
    let isMended = false;
    // Kafka refuses the first event of the bad key: the others of that key wait behind it.
    const produce = (block: Block): Outcome => {
      const bad = new Set(block.entries.filter(({ key }) => !isMended && key === 'bad').map(({ id }) => Number(id)));
      const outcome = answer(block, (n) => bad.has(n));
      sent.push(...numbersIn(block).filter((n) => !bad.has(n)));
      return { ...outcome, onDeadLetter: 'block', refused: outcome.refused.slice(0, 1) };
    };
    const [bad, good] = [upTo(20).map((n) => 1 + n), upTo(10).map((n) => 21 + n)];
    const use = async ({ enqueue, handle, status, untilSegments, untilNoSegmentIsOpen }: OverflowingLane) => {
      await enqueue(0, 'good');
      await until('the first', () => sent.length === 1);
      await handle.signal('pause');
      for (const n of bad) await enqueue(n, 'bad');
      for (const n of good) await enqueue(n, 'good');
      await untilSegments(5);
      await handle.signal('resume');

      await until('the other key', () => sent.length === 11, undefined, 60_000);
      expect(sent).toEqual([0, ...good]);
      const parked = await until('the rest to wait', status, ({ held }) => held?.reason === 'keysBlocked');
      expect(parked).toMatchObject({ deadLetters: 1, waitingEvents: 19 });

      isMended = true;
      await handle.signal('replay');
      await until('the blocked key', () => sent.length >= 31, undefined, 60_000);
      expect(sent).toEqual([0, ...good, ...bad]);
      await untilNoSegmentIsOpen();
      expect(await status()).toMatchObject({ waitingEvents: 0, counts: { accepted: 31, delivered: 31, parked: 1 } });
    };
    await withOverflowingLane(server, produce, use, { limits: { historyEventsMax: 80 }, maxCachedWorkflows: 0 });
  });

  test('stands still for a segment that is gone while a batch was under way, and asks for it once, not with every batch', async () => {
    const { sent, produce } = noting();
    let isGone = true;
    let asked = 0;
    let letBatchEnd = (): void => {};
    const batchMayEnd = new Promise<void>((resolve) => {
      letBatchEnd = resolve;
    });
    const segmentToRead = (id: string): string => {
      asked++;
      // The second is gone: the first is being sent when the lane learns of it.
      return isGone && id.endsWith(':1') ? missingSegment : id;
    };
    const waitingProduce = async (block: Block): Promise<Outcome> => {
      if (isGone && sent.length > 0) await batchMayEnd;
      return produce(block);
    };
    const use = async (lane: OverflowingLane) => {
      const { enqueue, handle, status } = lane;
      await letBacklogGo(lane, sent, { events: 20, segments: 3 });
      await until('it to learn of the loss', status, ({ state }) => state === 'Suspended');
      letBatchEnd();
      await until('the batch to end', () => sent.length > 1);
      const stopped = await until('it to settle', status, ({ counts }) => counts.delivered === sent.length);
      expect(stopped).toMatchObject({ state: 'Suspended', hold: { error: { name: 'SEGMENT_MISSING' } } });
      expect(sent).toEqual(upTo(sent.length));
      const askedBefore = asked;
      await enqueue(20); // One thing more, to see that it goes on doing nothing.
      await until('the next to be taken in', status, ({ counts }) => counts.accepted === 21);
      expect(asked).toBe(askedBefore);
      isGone = false;
      await handle.signal('resume');
      await until('all to be sent', () => sent.length >= 21);
      expect(sent).toEqual(upTo(21));
    };
    await withOverflowingLane(server, waitingProduce, use, { segmentToRead });
  });

  test('closes once its segments are closed and its dedup window has run out', async () => {
    const { sent, produce } = noting();
    const use = async ({ enqueue, handle, segments, stateOf, untilSegments }: OverflowingLane) => {
      await enqueue(0);
      await handle.signal('pause');
      for (let n = 1; n < 12; n++) await enqueue(n);
      await untilSegments(1);
      await handle.signal('resume');
      await until('all to be sent', () => sent.length >= 12);
      await handle.result();
      const opened = await segments();
      expect(opened.length).toBeGreaterThan(0);
      expect(new Set(await Promise.all(opened.map(stateOf)))).toEqual(new Set(['COMPLETED']));
      await enqueue(100); // A new chain, whose segments are others.
      await until('one more', () => sent.length === 13);
    };
    await withOverflowingLane(server, produce, use, { limits: { dedupWindowMs: 60_000 } });
  });
});
