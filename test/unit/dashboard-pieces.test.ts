import { describe, expect, test } from 'vitest';
import type { DeadLetter, Destination } from '../../dashboard/src/api/types.ts';
import { letterKey, stillThere } from '../../dashboard/src/pages/deadLetters/chosen.ts';
import { countedTo } from '../../dashboard/src/pages/deadLetters/countedTo.ts';
import { draftOf, rotationOf } from '../../dashboard/src/pages/destinations/draft.ts';
import { partsOf } from '../../dashboard/src/pieces/letterParts.ts';
import { isoOf, localOf, timeIn } from '../../dashboard/src/pieces/localTime.ts';

describe('what is done with all that match', () => {
  const startedAt = '2026-01-15T09:30:00.000Z';
  test('ends with what the preview counted, by the time of the API', () => {
    expect(countedTo(undefined, startedAt, 0)).toBe('2026-01-15T09:30:00.001Z');
    expect(countedTo(undefined, undefined, Date.parse(startedAt))).toBe(startedAt);
  });
  test('ends earlier where that was asked for, and no later', () => {
    expect(countedTo('2026-01-15T08:00:00Z', startedAt, 0)).toBe('2026-01-15T08:00:00.000Z');
    expect(countedTo('2027-01-01T00:00:00Z', startedAt, 0)).toBe('2026-01-15T09:30:00.001Z');
  });
});

describe('chosen dead letters', () => {
  const letter = (eventId: string, workflowId: string): DeadLetter => ({
    ...{ eventId, workflowId, destinationId: 'dst_1', lane: 'l', partitionKey: 'k', bytes: 1 },
    ...{ parkedAt: '2026-01-15T09:30:00.000Z', error: { name: 'E', kind: 'recordAtFault', message: '', remedy: '' } },
  });
  test('of one event at two destinations are two', () => {
    expect(letterKey(letter('evt_1', 'a'))).not.toBe(letterKey(letter('evt_1', 'b')));
  });
  test('are let go of once their page has them no more; those of other pages stay', () => {
    const [here, gone, elsewhere] = [letter('evt_1', 'a'), letter('evt_2', 'a'), letter('evt_3', 'a')] as const;
    const chosen = new Map([
      [letterKey(here), { letter: here, page: 1 }],
      [letterKey(gone), { letter: gone, page: 1 }],
      [letterKey(elsewhere), { letter: elsewhere, page: 2 }],
    ]);
    expect([...stillThere(chosen, [here], 1).keys()]).toEqual([letterKey(here), letterKey(elsewhere)]);
    expect(stillThere(chosen, [here, gone], 1)).toBe(chosen);
  });
  test('are asked for in requests of one destination, of 200 events at the most, each with a key of its own', () => {
    const many = Array.from({ length: 201 }, (_, n) => ({ eventId: `evt_${n}`, destinationId: 'dst_1' }));
    let keys = 0;
    const parts = partsOf([...many, many[0] ?? letter('', ''), { eventId: 'evt_0', destinationId: 'dst_2' }], () =>
      String(keys++),
    );
    expect(parts.map(({ destinationId, ids, letters }) => [destinationId, ids.length, letters.length])).toEqual([
      ['dst_1', 200, 201],
      ['dst_1', 1, 1],
      ['dst_2', 1, 1],
    ]);
    expect(new Set(parts.map(({ key }) => key)).size).toBe(3);
  });
});

describe('a time in an address', () => {
  test('has a zone, and comes back from the input as it was', () => {
    for (const iso of ['2026-01-15T09:30:00.000Z', '2026-07-15T09:30:05.000Z', '0002-03-04T05:06:00.000Z']) {
      expect(isoOf(localOf(iso))).toBe(iso);
      expect(timeIn(iso)).toBe(iso);
    }
    expect(timeIn('2026-01-15T09:30:00+02:00')).toBe('2026-01-15T07:30:00.000Z');
  });
  test('is as if it was not there where it is none', () => {
    for (const text of ['', 'soon', '2026-01-15T09:30', '2026-13-45T99:99Z']) expect(timeIn(text)).toBeUndefined();
    expect(isoOf('soon')).toBeUndefined();
    expect(localOf('soon')).toBe('');
  });
});

test('a rotation to a key without a pass phrase lets go of the old one’s pass phrase, where there is one', () => {
  const of = (secretsSet: Destination['auth']['secretsSet']): Destination => ({
    ...{ id: 'dst_1', customerExternalId: 'acct_1', type: 'KAFKA', name: 'Orders', enabled: true, topic: 't' },
    ...{ brokers: ['b:9092'], eventTypes: ['*'], partitionKey: 'customerExternalId', onDeadLetter: 'continue' },
    auth: { mode: 'MTLS', tls: true, clientCertificate: 'old', secretsSet },
    producer: { lingerMs: 100, batchSizeBytes: 1_048_576, acks: 'all', compression: 'none' },
    ordering: { lanes: 'key' },
    ...{ version: 1, createdAt: '2026-01-15T09:30:00.000Z', updatedAt: '2026-01-15T09:30:00.000Z' },
  });
  const rotated = (before: Destination, auth: Record<string, string>) =>
    rotationOf(before, { ...draftOf(before), auth: { clientCertificate: 'new', ...auth } });
  const encrypted = of(['clientKey', 'clientKeyPassphrase']);
  const bare = { clientCertificate: 'new', clientKey: 'key' };
  expect(rotated(encrypted, { clientKey: 'key' })).toEqual({ ...bare, clientKeyPassphrase: null });
  expect(rotated(encrypted, { clientKey: 'key', clientKeyPassphrase: 'p' })).toEqual({
    ...bare,
    clientKeyPassphrase: 'p',
  });
  expect(rotated(of(['clientKey']), { clientKey: 'key' })).toEqual(bare);
});
