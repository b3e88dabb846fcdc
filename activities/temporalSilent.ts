import { CausewayError } from '../domain/error.ts';

/** Temporal was asked, and did not answer, or not what was asked. */
export const temporalSilent = (cause: unknown): CausewayError =>
  new CausewayError('temporal_unavailable', 'Temporal did not answer. Ask again after a second.', { cause });
