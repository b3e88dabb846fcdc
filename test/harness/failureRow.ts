import { expect } from 'vitest';
import type { Attempt } from '../../domain/attempt.ts';
import { type FailureRow, failureRowOf, type Kind } from '../../domain/failures.ts';
import type { Before, Try } from './produceActivity.ts';

const slackMs = 5_000;
const longMs = 60 * 60_000;

/** What became of the one record of a batch, in the words of the failure table. */
export function meaning({ outcome, thrown, attempts }: Try): Kind | 'delivered' | 'nothing' {
  if (thrown) return attempts.at(-1)?.outcome === 'unknown' ? 'outcomeUnknown' : 'transient';
  if (outcome?.suspended) return 'destinationAtFault';
  if (outcome?.refused.length === 1) return 'recordAtFault';
  return outcome?.landed.length === 1 ? 'delivered' : 'nothing';
}

/** As if the first try had been made so many times before, the first time so long ago. */
export function triedBefore({ progress }: Try, tries: number, ms: number): Before {
  const [first] = progress.attempts;
  if (!first) throw new Error('The first try has left nothing in the heartbeat.');
  const attempts = Array.from({ length: tries }, (_, n): Attempt => {
    const startedAtMs = Date.now() - Math.round((ms * (tries - n)) / tries);
    return { ...first, number: n + 1, startedAtMs };
  });
  return { attempt: tries + 1, heartbeatDetails: { ...progress, attempts, temporalAttempt: tries } };
}

type Wanted = {
  name: string;
  code?: number | undefined;
  /** What it means at first, where that is not what the table says: nothing that was not sent is unknown. */
  kind?: Kind;
};

function expectTry(one: Try, row: FailureRow, code: number | undefined, kind: Kind): void {
  const error = one.attempts.at(-1)?.error;
  expect([meaning(one), error]).toEqual([
    kind,
    { kind, name: row.name, ...(code !== undefined && { code }), message: expect.any(String), remedy: row.remedy },
  ]);
  if (one.thrown) expect(one.thrown.type).toBe(row.name);
}

/** Expects that the try, and those after it, come out as the row of this error says, until the error has lasted. */
export async function expectRow(wanted: Wanted, run: (before?: Before) => Promise<Try>): Promise<void> {
  const row = failureRowOf(wanted.name);
  const { code, kind = row.kind } = wanted;
  const first = await run();
  expectTry(first, row, code, kind);
  if (!row.lasting) return;
  const { tries, ms } = row.lasting;
  expectTry(await run(triedBefore(first, tries - 2, longMs)), row, code, kind);
  if (ms > 0) expectTry(await run(triedBefore(first, tries + 5, ms - slackMs)), row, code, kind);
  expectTry(await run(triedBefore(first, tries - 1, ms + slackMs)), row, code, row.lasting.kind);
}
