import { describe, expect, test } from 'vitest';
import { WorkflowTaskSlots } from '../../worker/workflowTaskSlots.ts';

const never = new AbortController().signal;
const cached = { isSticky: true };
const fresh = { isSticky: false };

/** Whether it was given, once all that is due has happened. */
async function isGiven(slot: Promise<unknown>): Promise<boolean> {
  const turn = new Promise<false>((resolve) => setImmediate(resolve, false));
  return await Promise.race([slot.then(() => true), turn]);
}

describe('slots for workflow tasks', () => {
  test('are given until all of a kind are taken, whatever the other kind has', async () => {
    const slots = new WorkflowTaskSlots({ cached: 2, fresh: 1 });
    expect(await isGiven(slots.reserveSlot(fresh, never))).toBe(true);
    expect(await isGiven(slots.reserveSlot(fresh, never))).toBe(false);
    expect(await isGiven(slots.reserveSlot(cached, never))).toBe(true);
    expect(await isGiven(slots.reserveSlot(cached, never))).toBe(true);
    expect(await isGiven(slots.reserveSlot(cached, never))).toBe(false);
  });

  test('go back to their kind, and to who has waited longest', async () => {
    const slots = new WorkflowTaskSlots({ cached: 1, fresh: 1 });
    const ofCached = await slots.reserveSlot(cached, never);
    const ofFresh = await slots.reserveSlot(fresh, never);
    const first = slots.reserveSlot(fresh, never);
    const second = slots.reserveSlot(fresh, never);
    slots.releaseSlot({ permit: ofCached });
    expect(await isGiven(first)).toBe(false);
    slots.releaseSlot({ permit: ofFresh });
    expect([await isGiven(first), await isGiven(second)]).toEqual([true, false]);
    slots.releaseSlot({ permit: await first });
    expect(await isGiven(second)).toBe(true);
  });

  test('are refused at once to who may not wait', () => {
    const slots = new WorkflowTaskSlots({ cached: 1, fresh: 0 });
    expect(slots.tryReserveSlot(fresh)).toBeNull();
    const permit = slots.tryReserveSlot(cached);
    expect(slots.tryReserveSlot(cached)).toBeNull();
    if (permit) slots.releaseSlot({ permit });
    expect(slots.tryReserveSlot(cached)).not.toBeNull();
  });

  test('pass over who has left the queue, whom they tell why', async () => {
    const slots = new WorkflowTaskSlots({ cached: 1, fresh: 1 });
    const permit = await slots.reserveSlot(cached, never);
    const leaving = new AbortController();
    const gone = slots.reserveSlot(cached, leaving.signal);
    const next = slots.reserveSlot(cached, never);
    leaving.abort(new Error('not wanted any more'));
    await expect(gone).rejects.toThrow('not wanted any more');
    slots.releaseSlot({ permit });
    expect(await isGiven(next)).toBe(true);
  });

  test('are not given to who left before it came', async () => {
    const slots = new WorkflowTaskSlots({ cached: 1, fresh: 0 });
    await expect(slots.reserveSlot(cached, AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
    expect(slots.tryReserveSlot(cached)).not.toBeNull();
  });

  test('that were given are not taken back by a signal that fires later', async () => {
    const slots = new WorkflowTaskSlots({ cached: 1, fresh: 1 });
    const permit = await slots.reserveSlot(cached, never);
    const late = new AbortController();
    const waiting = slots.reserveSlot(cached, late.signal);
    slots.releaseSlot({ permit });
    late.abort();
    await waiting;
    expect(slots.tryReserveSlot(cached)).toBeNull();
  });
});
