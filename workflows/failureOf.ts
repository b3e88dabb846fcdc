import { ActivityFailure, ApplicationFailure, isCancellation } from '@temporalio/workflow';
import type { Failed } from '../domain/attempt.ts';
import { unforeseen } from '../domain/failures.ts';

/** What an activity failed with that is not tried again. A cancelled lane's is thrown. */
export function failureOf(error: unknown): Pick<Failed, 'name' | 'message'> {
  if (isCancellation(error)) throw error;
  const cause = error instanceof ActivityFailure ? error.cause : error;
  return {
    name: cause instanceof ApplicationFailure ? cause.type || unforeseen : unforeseen,
    message: cause instanceof Error ? cause.message : String(cause),
  };
}
