import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import type { Block } from '../../domain/block.ts';
import { idOf } from '../harness/laneSteps.ts';
import { type OverflowingLane, withOverflowingLane } from '../harness/overflowingLane.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { answer, numbersIn } from '../harness/workflowLane.ts';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n);
const idsOf = (...numbers: number[]) => ({ ids: numbers.map((n) => `evt_${idOf(n)}`), by: 'ada' });

/** A Kafka that refuses events of the keys `bad…` until it is mended, and what landed there, in order. */
function refusing(onDeadLetter: 'continue' | 'block' = 'continue') {
  const landed: number[] = [];
  const kafka = {
    landed,
    isMended: false,
    isDown: false,
    produce: (block: Block): Outcome => {
      if (kafka.isDown) return { ...answer(block, () => true), refused: [], waiting: down };
      const isBad = ({ key }: { key: string }): boolean => key.startsWith('bad') && !kafka.isMended;
      const bad = new Set(block.entries.filter(isBad).map(({ id }) => Number(id)));
      landed.push(...numbersIn(block).filter((n) => !bad.has(n)));
      return { ...answer(block, (n) => bad.has(n)), onDeadLetter };
    },
  };
  return kafka;
}
const down = { kind: 'transient' as const, name: 'ECONNREFUSED', message: 'down', remedy: '' };

/** So many large events of the bad keys are parked, far more than the lane has room for, and as many of another key delivered. */
async function parkMany({ enqueue, status }: OverflowingLane, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await enqueue(n, `bad${n % 2}`);
  for (let n = 0; n < count; n++) await enqueue(100 + n, 'good');
  const isDone = ({ deadLetters, counts }: { deadLetters: number; counts: { delivered: number } }): boolean =>
    deadLetters === count && counts.delivered === count;
  await until('all to be parked, and the others delivered', status, isDone, 60_000);
}

const laneLimits = { historyEventsMax: 60 };

describe('a lane with more dead letters than it can carry', () => {
  const server = timeSkipping();

  test('goes on with other keys over many runs, and sends all of them on a replay, each once and in order, though each task begins from the history alone', async () => {
    const kafka = refusing();
    const use = async (lane: OverflowingLane) => {
      await parkMany(lane, 14);
      const { runId } = await lane.handle.describe();
      expect(await lane.status()).toMatchObject({ state: 'Parked', waitingEvents: 0 });
      const letters = await lane.deadLetters();
      expect(letters.map(({ eventId, bytes }) => [eventId, bytes > 250_000])).toEqual(
        upTo(14).map((n) => [`evt_${idOf(n)}`, true]),
      );
      expect(letters.filter(({ bodyIn }) => bodyIn !== undefined).length).toBeGreaterThan(10);
      kafka.isMended = true;
      await lane.handle.signal('replay', { all: true });
      await lane.enqueue(200, 'bad0'); // Of a key that is being replayed: it comes behind.
      await until('all to be sent', () => kafka.landed.length >= 29, undefined, 60_000);
      expect(kafka.landed).toEqual([...upTo(14).map((n) => 100 + n), ...upTo(14), 200]);
      await lane.untilNoSegmentIsOpen();
      const status = await until('its status', lane.status, ({ counts }) => counts.delivered === 29);
      expect(status).toMatchObject({ state: 'Delivering', deadLetters: 0, waitingEvents: 0 });
      expect((await lane.handle.describe()).runId).not.toBe(runId);
    };
    await withOverflowingLane(server, kafka.produce, use, { limits: laneLimits, maxCachedWorkflows: 0 });
  });

  test('replays and discards what is named, once, changes nothing for other names, and lets a holder go when nothing of it is left', async () => {
    const kafka = refusing();
    const use = async (lane: OverflowingLane) => {
      const { handle, status } = lane;
      await parkMany(lane, 8);
      kafka.isMended = true;
      kafka.landed.length = 0;
      await handle.signal('replay', idsOf(700));
      await handle.signal('discard', idsOf(700));
      await handle.signal('replay', idsOf(5, 1, 700));
      await handle.signal('replay', idsOf(1, 5));
      await handle.signal('discard', idsOf(1, 0)); // 1 is a dead letter no more.
      await until('two to be sent', () => kafka.landed.length === 2);
      const one = await until('its status', status, ({ counts }) => counts.delivered === 10);
      expect(one).toMatchObject({ deadLetters: 5, counts: { discarded: 1, parked: 8 } });
      expect(kafka.landed).toEqual([1, 5]);
      await handle.signal('replay', idsOf(2));
      await handle.signal('discard', { all: true });
      await until('the last to be sent', status, ({ counts }) => counts.delivered === 11);
      expect(kafka.landed).toEqual([1, 5, 2]);
      expect(await status()).toMatchObject({ deadLetters: 0, counts: { discarded: 5 } });
      await lane.untilNoSegmentIsOpen();
    };
    await withOverflowingLane(server, kafka.produce, use);
  });

  test('parks a letter again whose holder is gone, with the reason, and sends the others; it is sent once the holder is there again', async () => {
    const kafka = refusing();
    let lost: string | undefined;
    const use = async (lane: OverflowingLane) => {
      const { handle, status, deadLetters } = lane;
      await parkMany(lane, 6);
      lost = (await deadLetters())[0]?.bodyIn;
      const inLost = (await deadLetters()).filter(({ bodyIn }) => bodyIn === lost).map(({ eventId }) => eventId);
      kafka.isMended = true;
      await handle.signal('replay');
      const others = 6 - inLost.length;
      await until('the others to be sent', status, ({ counts }) => counts.delivered === 6 + others);
      const left = await until('the lost ones', deadLetters, ({ length }) => length === inLost.length);
      expect(left.map(({ eventId }) => eventId)).toEqual(inLost);
      expect(left[0]).toMatchObject({ bodyIn: lost, error: { name: 'SEGMENT_MISSING', kind: 'recordAtFault' } });
      expect(left[0]?.error.remedy).toContain(String(lost));
      await lane.enqueue(300, 'bad0');
      await until('another of its key', () => kafka.landed.includes(300));
      lost = undefined;
      await handle.signal('replay');
      await until('all to be sent', status, ({ deadLetters: count, counts }) => count === 0 && counts.delivered === 13);
      expect(kafka.landed.toSorted((a, b) => a - b)).toEqual([...upTo(6), ...upTo(6).map((n) => 100 + n), 300]);
      await lane.untilNoSegmentIsOpen();
    };
    const holderToRead = (id: string): string => (id === lost ? 'overflow:none' : id);
    await withOverflowingLane(server, kafka.produce, use, { holderToRead });
  });

  test('keeps what is being replayed in its place while the destination is down, over runs, and while it is paused', async () => {
    const kafka = refusing();
    const use = async (lane: OverflowingLane) => {
      const { handle, status } = lane;
      await parkMany(lane, 8);
      kafka.isMended = true;
      kafka.isDown = true;
      kafka.landed.length = 0;
      await handle.signal('replay');
      await until('it to wait', status, ({ hold }) => hold?.kind === 'waiting');
      const { runId } = await handle.describe();
      let sent = 0;
      const next = () => lane.enqueue(200 + sent++, 'bad0');
      while (sent < 20) await next();
      const isNewRun = async (): Promise<boolean> => {
        const now = await handle.describe();
        // One workflow task may take many signals in, so that a run that had just begun is not long by now.
        if (now.runId === runId && now.historyLength < laneLimits.historyEventsMax) await next();
        return now.runId !== runId;
      };
      await until('a new run', isNewRun, undefined, 60_000);
      const waiting = await until('all to wait', status, ({ waitingEvents }) => waitingEvents === 8 + sent);
      expect(waiting).toMatchObject({ state: 'Waiting', deadLetters: 0 });
      await handle.signal('pause');
      kafka.isDown = false;
      await handle.signal('wake', { version: 1 });
      expect(await until('it to be paused', status, ({ paused }) => !!paused)).toMatchObject({ state: 'Paused' });
      expect(kafka.landed).toEqual([]);
      await handle.signal('resume');
      await until('all to be sent', () => kafka.landed.length >= 8 + sent, undefined, 60_000);
      expect(kafka.landed).toEqual([...upTo(8), ...upTo(sent).map((n) => 200 + n)]);
      await lane.untilNoSegmentIsOpen();
    };
    await withOverflowingLane(server, kafka.produce, use, { limits: laneLimits, maxCachedWorkflows: 0 });
  });

  test('lets no event pass a dead letter of its key where that blocks it, wherever the bodies are', async () => {
    const kafka = refusing('continue');
    let mode: 'continue' | 'block' = 'continue';
    const produce = (block: Block): Outcome => ({ ...kafka.produce(block), onDeadLetter: mode });
    const use = async (lane: OverflowingLane) => {
      const { handle, status } = lane;
      await parkMany(lane, 6);
      mode = 'block';
      await lane.enqueue(300, 'good'); // Whose outcome brings the setting.
      await until('the setting', status, ({ counts }) => counts.delivered === 7);
      for (const n of [200, 201]) await lane.enqueue(n, `bad${n % 2}`);
      await until('them to wait', status, ({ held }) => held?.reason === 'keysBlocked');
      kafka.isMended = true;
      kafka.landed.length = 0;
      await handle.signal('replay', idsOf(4, 5)); // The last of each key: others of it are still parked.
      await handle.signal('replay', idsOf(1, 3)); // With these, one key is free.
      await until('the free key', () => kafka.landed.length === 4);
      expect(kafka.landed).toEqual([1, 3, 5, 201]);
      expect(await status()).toMatchObject({ deadLetters: 2, waitingEvents: 2 });
      await handle.signal('discard', idsOf(0));
      await handle.signal('replay');
      await until('the other key', () => kafka.landed.length === 7);
      expect(kafka.landed.slice(4)).toEqual([2, 4, 200]);
      await lane.untilNoSegmentIsOpen();
    };
    await withOverflowingLane(server, produce, use, { maxCachedWorkflows: 0 });
  });
});
