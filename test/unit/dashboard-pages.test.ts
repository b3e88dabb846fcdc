import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Destination } from '../../dashboard/src/api/types.ts';
import { parkingErrors as shownErrors } from '../../dashboard/src/pages/deadLetters/errors.ts';
import { changeBody, draftOf, emptyDraft, newBody } from '../../dashboard/src/pages/destinations/draft.ts';
import { indented } from '../../dashboard/src/pieces/indented.ts';
import { parkingErrors } from '../../domain/failures.ts';

describe('a payload that is shown indented', () => {
  test('has the values as the sender wrote them', () => {
    expect(indented('{"total":1.10,"big":12345678901234567890,"list":[1,{"a":"b, {c}: \\"d\\""}],"none":{}}')).toBe(
      `{
  "total": 1.10,
  "big": 12345678901234567890,
  "list": [
    1,
    {
      "a": "b, {c}: \\"d\\""
    }
  ],
  "none": {}
}`,
    );
  });

  test('is the same JSON, whatever it holds', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.stringify(value);
        expect(JSON.stringify(JSON.parse(indented(json)))).toBe(JSON.stringify(JSON.parse(json)));
      }),
    );
  });
});

const stored: Destination = {
  id: 'dst_1',
  customerExternalId: 'acct_1',
  type: 'KAFKA',
  name: 'Orders',
  brokers: ['a.example.com:9093', 'b.example.com:9093'],
  topic: 'orders',
  partitionKey: 'customerExternalId',
  eventTypes: ['*'],
  enabled: true,
  auth: { mode: 'SASL_SCRAM_SHA_512', tls: true, username: 'us', caCertificate: 'pem', secretsSet: ['password'] },
  producer: { lingerMs: 100, batchSizeBytes: 1_048_576, acks: 'all', compression: 'none' },
  ordering: { lanes: 'key' },
  onDeadLetter: 'continue',
  version: 3,
  createdAt: '2026-01-15T09:30:00Z',
  updatedAt: '2026-01-15T09:30:00Z',
};

describe('the form of a destination', () => {
  test('that nobody touched changes nothing', () => {
    expect(changeBody(stored, draftOf(stored))).toEqual({});
  });

  test('sends only what was changed, and a secret only where one was typed', () => {
    const draft = draftOf(stored);
    expect(changeBody(stored, { ...draft, topic: 'orders.v2' })).toEqual({ topic: 'orders.v2' });
    const auth = { ...draft.auth, password: 'new' };
    expect(changeBody(stored, { ...draft, auth })).toEqual({ auth: { password: 'new' } });
  });

  test('sends the compression that was chosen, with the other settings of the producer', () => {
    const changed = changeBody(stored, { ...draftOf(stored), compression: 'zstd' });
    expect(changed).toEqual({ producer: { ...stored.producer, compression: 'zstd' } });
  });

  test('removes a setting that was emptied', () => {
    const draft = draftOf(stored);
    expect(changeBody(stored, { ...draft, auth: { ...draft.auth, caCertificate: '' } })).toEqual({
      auth: { caCertificate: null },
    });
  });

  test('sends what is no number as it is, so that the API says what is wrong with it', () => {
    expect(newBody({ ...emptyDraft, lingerMs: 'soon', lanes: '4' })).toMatchObject({
      producer: { lingerMs: 'soon', batchSizeBytes: 1_048_576 },
      ordering: { lanes: 4 },
    });
  });
});

test('the errors that dead letters are searched by are those that dead letters have', () => {
  expect([...shownErrors].sort()).toEqual([...parkingErrors].sort());
});
