import type { Destination } from '../../domain/destination.ts';

/** A destination of the customer `c` that takes all events and asks for no login. */
export const plainDestination = (id: string, overrides: Partial<Destination> = {}): Destination => ({
  id,
  customerExternalId: 'c',
  type: 'KAFKA',
  name: id,
  brokers: ['b:9092'],
  topic: 't',
  partitionKey: 'customerExternalId',
  eventTypes: ['*'],
  enabled: true,
  auth: { mode: 'NONE', tls: false },
  producer: { lingerMs: 0, batchSizeBytes: 1_000, acks: 'all' },
  ordering: { lanes: 'key' },
  onDeadLetter: 'continue',
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
  ...overrides,
});
