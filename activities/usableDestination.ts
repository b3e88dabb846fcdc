import type { OpenDestination } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import { NamedError } from './kafka/failureNames.ts';

/** The destination, where it may be sent to. */
export function usable(destination: OpenDestination | undefined): OpenDestination {
  if (!destination) {
    throw new NamedError({ name: 'DESTINATION_UNKNOWN', message: 'The store has no such destination.' });
  }
  if (!destination.enabled) {
    throw new NamedError({ name: 'DESTINATION_DISABLED', message: 'The destination is disabled.' });
  }
  if (destination.paused) {
    const { since, by, reason } = destination.paused;
    const why = reason === undefined ? '' : `: ${reason}`;
    throw new NamedError({ name: 'DESTINATION_PAUSED', message: `Paused since ${since} by ${by}${why}` });
  }
  return destination;
}

/** Names what the store throws. Its texts hold no secret. */
export function asNamedError(error: unknown): never {
  if (!(error instanceof CausewayError)) throw error;
  const isCredentials = error.code === 'secret_key_missing' || error.code === 'secret_unreadable';
  throw new NamedError({
    name: isCredentials ? 'CREDENTIALS_UNREADABLE' : 'STORE_UNREACHABLE',
    message: error.remedy,
  });
}
