import type { LaneStatus } from '../../domain/laneMessages.ts';

/** What a suspended lane says that is held for this error. */
export const heldFor = (name: string): LaneStatus => ({
  ...{ state: 'Suspended', waitingEvents: 1, waitingBytes: 10, deadLetters: 0 },
  counts: { accepted: 1, repeated: 0, delivered: 0, parked: 0, discarded: 0 },
  hold: {
    ...{ kind: 'suspended', since: '2026-01-15T09:30:00.000Z', looksAt: '2026-01-15T09:45:00.000Z' },
    error: { name, kind: 'destinationAtFault', message: 'It is held.', remedy: 'Mend it.' },
    remedy: 'Mend it.',
  },
});
