import { pino } from 'pino';
import { expect, onTestFinished, test, vi } from 'vitest';
import { LettingGo, type LettingGoOptions } from '../../store/lettingGo.ts';
import { plainDestination } from '../harness/plainDestination.ts';

test("a worker's sign of life does not wait for Temporal, where that does not answer its word to a keeper", async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  let renewals = 0;
  const told: string[] = [];
  // What it uses of an opened destination, and of a note.
  const destination = { ...plainDestination('dst_a'), version: 2 } as unknown as Awaited<
    ReturnType<LettingGoOptions['destinations']['open']>
  >;
  const replaced = { destinationId: 'dst_a', beforeVersion: 2 } as Awaited<
    ReturnType<LettingGoOptions['earlierCredentials']['renew']>
  >[number];
  const lettingGo = new LettingGo({
    earlierCredentials: {
      renew: async () => {
        renewals++;
        return [replaced];
      },
      letGo: async () => undefined,
      leave: async () => undefined,
    },
    destinations: { open: async () => destination },
    users: [{ hasLetGoBefore: () => true }],
    tellKeeper: (id) => {
      told.push(id);
      return new Promise(() => undefined);
    },
    logger: pino({ level: 'silent' }),
  });
  await lettingGo.start();
  await vi.advanceTimersByTimeAsync(10_000);
  await lettingGo.stop();
  expect([renewals, told.length]).toEqual([6, 6]);
});
