import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ApiKeyUses } from '../../store/apiKeyUses.ts';
import type { Database } from '../../store/pool.ts';

beforeEach(() => void vi.useFakeTimers({ now: new Date('2026-01-15T09:30:00Z') }));
afterEach(() => void vi.useRealTimers());

/** Keeps what is written; refuses so many statements first. */
function recording(refusals = 0) {
  const written: unknown[] = [];
  let left = refusals;
  const query = async (_: string, values: unknown[]): Promise<never[]> => {
    if (left-- > 0) throw new Error('away');
    written.push(values);
    return [];
  };
  // All that it uses of a database.
  return { written, database: { query } as unknown as Database };
}

test('a thousand uses of two keys are one statement, with the last of each', async () => {
  const { written, database } = recording();
  const uses = new ApiKeyUses(database, undefined);
  for (let n = 0; n < 1_000; n++) {
    uses.note(n % 2 ? 'key_a' : 'key_b');
    await vi.advanceTimersByTimeAsync(1);
  }
  await vi.advanceTimersByTimeAsync(5_000);
  expect(written).toEqual([
    [
      ['key_b', 'key_a'],
      [new Date('2026-01-15T09:30:00.998Z'), new Date('2026-01-15T09:30:00.999Z')],
    ],
  ]);
});

test('what could not be written is written with the next', async () => {
  const { written, database } = recording(1);
  const uses = new ApiKeyUses(database, undefined);
  uses.note('key_a');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(written).toEqual([]);
  uses.note('key_b');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(written).toEqual([
    [
      ['key_a', 'key_b'],
      [new Date('2026-01-15T09:30:00Z'), new Date('2026-01-15T09:30:05Z')],
    ],
  ]);
});

test('the last uses are written as the process ends', async () => {
  const { written, database } = recording();
  const uses = new ApiKeyUses(database, undefined);
  uses.note('key_a');
  await uses.close();
  expect(written).toHaveLength(1);
});
