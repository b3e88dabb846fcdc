import { expect, test } from 'vitest';
import { Turns } from '../../activities/turns.ts';

/** Work that goes on until it is told to end. */
function works(turns: Turns) {
  const begun: number[] = [];
  const ends = new Map<number, () => void>();
  const take = (n: number): Promise<number> =>
    turns.take(async () => {
      begun.push(n);
      await new Promise<void>((resolve) => ends.set(n, resolve));
      if (n < 0) throw new Error('failed');
      return n;
    });
  return { begun, take, end: (n: number) => ends.get(n)?.() };
}

test('so many go on at once, the others in the order in which they came, and what is too much is refused before it begins', async () => {
  const { begun, take, end } = works(new Turns({ atOnce: 2, waiting: 2 }, 'Come again.'));
  const taken = [1, -2, 3, 4].map((n) => take(n).catch(() => 0));
  await expect(take(5)).rejects.toMatchObject({ code: 'overloaded', remedy: 'Come again.' });
  expect(begun).toEqual([1, -2]);
  end(-2); // One that fails makes room, too.
  await expect.poll(() => begun).toEqual([1, -2, 3]);
  end(1);
  await expect.poll(() => begun).toEqual([1, -2, 3, 4]);
  end(3);
  end(4);
  expect(await Promise.all(taken)).toEqual([1, 0, 3, 4]);
  const after = take(6);
  expect(begun.at(-1)).toBe(6);
  end(6);
  expect(await after).toBe(6);
});
