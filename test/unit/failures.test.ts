import fc from 'fast-check';
import { createErrorFromCode, errorCodes } from 'kafkajs/src/protocol/error.js';
import { describe, expect, test } from 'vitest';
import { failureIn, NamedError } from '../../activities/kafka/failureNames.ts';
import { type FailureRow, failureRowOf, failureRows, isListed, kindOf } from '../../domain/failures.ts';
import { kafkaErrorName, kafkaRows } from '../../domain/kafkaErrors.ts';
import { producerErrors } from '../harness/kafkaAnswers.ts';

const minuteMs = 60_000;

/** kafkajs calls these by the names that they had when it was written. */
const renamed = new Map([
  ['UNKNOWN', 'UNKNOWN_SERVER_ERROR'],
  ['NOT_LEADER_FOR_PARTITION', 'NOT_LEADER_OR_FOLLOWER'],
  ['GROUP_LOAD_IN_PROGRESS', 'COORDINATOR_LOAD_IN_PROGRESS'],
  ['GROUP_COORDINATOR_NOT_AVAILABLE', 'COORDINATOR_NOT_AVAILABLE'],
  ['NOT_COORDINATOR_FOR_GROUP', 'NOT_COORDINATOR'],
]);

describe('the failure table', () => {
  test('has one row for a name, and one for a code', () => {
    const names = failureRows.map(({ name }) => name);
    const codes = kafkaRows.map(({ code }) => code);
    expect(new Set(names).size).toBe(names.length);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('has a row of its own for each error that an answer on the way of a record may carry', () => {
    expect(producerErrors.length).toBeGreaterThan(40);
    expect(producerErrors.filter((name) => !kafkaRows.some((row) => row.name === name))).toEqual([]);
  });

  test('says of every error why it happens and what to do, in sentences', () => {
    for (const { name, why, remedy } of failureRows) {
      expect([name, why]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/)]);
      expect([name, remedy]).toEqual([name, expect.stringMatching(/^[A-Z].*\.$/)]);
    }
  });

  test('tells a person what to do wherever the lane stops by itself', () => {
    const stops = ({ kind, lasting }: FailureRow): boolean => [kind, lasting?.kind].some((k) => k?.endsWith('AtFault'));
    expect(failureRows.filter(stops).filter(({ remedy }) => remedy.startsWith('None'))).toEqual([]);
  });

  test('gives the codes that kafkajs knows the same names, but for five that Kafka has renamed', () => {
    expect(errorCodes.length).toBeGreaterThan(80);
    const named = errorCodes.map(({ type, code }) => [code, renamed.get(type) ?? type]);
    expect(errorCodes.map(({ code }) => [code, kafkaErrorName(code)])).toEqual(named);
  });

  test('keeps an error passing until it has lasted for its tries and its time, both, and from then on it is final', () => {
    const passing = failureRows.filter(({ lasting }) => lasting !== undefined);
    expect(passing.length).toBeGreaterThan(10);
    fc.assert(
      fc.property(fc.constantFrom(...passing), fc.nat(20), fc.nat(20 * minuteMs), (row, tries, ms) => {
        const { lasting, kind } = row;
        const isFinal = lasting !== undefined && tries >= lasting.tries && ms >= lasting.ms;
        expect(kindOf(row, tries, ms)).toBe(isFinal ? lasting.kind : kind);
      }),
    );
    for (const row of passing) {
      const { tries = 0, ms = 0, kind } = row.lasting ?? {};
      expect(['transient', 'outcomeUnknown']).toContain(row.kind);
      expect(kindOf(row, tries, ms)).toBe(kind);
      expect(kindOf(row, tries - 1, ms)).toBe(row.kind);
      if (ms > 0) expect(kindOf(row, 1_000, ms - 1)).toBe(row.kind);
    }
  });

  test('never gives up on what passes by itself, however long it lasts', () => {
    for (const name of ['NOT_LEADER_OR_FOLLOWER', 'ECONNREFUSED', 'REQUEST_TIMED_OUT', 'NOT_ENOUGH_REPLICAS']) {
      const row = failureRowOf(name);
      expect([name, kindOf(row, 1e9, 1e12)]).toEqual([name, row.kind]);
    }
  });

  test("takes an error that nobody listed for passing in ten tries over a minute, then for the destination's fault", () => {
    const row = failureRowOf('KAFKA_ERROR_999');
    expect(kafkaErrorName(999)).toBe('KAFKA_ERROR_999');
    expect(row).toMatchObject({ name: 'KAFKA_ERROR_999', kind: 'transient' });
    expect([kindOf(row, 9, 10 * minuteMs), kindOf(row, 100, minuteMs - 1), kindOf(row, 10, minuteMs)]).toEqual([
      'transient',
      'transient',
      'destinationAtFault',
    ]);
  });
});

describe('the name of an error', () => {
  test('comes from its innermost cause, for kafkajs wraps what it gave up on', () => {
    const wrapped = new Error('gave up', { cause: new Error('gave up, too', { cause: createErrorFromCode(6) }) });
    expect(failureIn(wrapped)).toMatchObject({ name: 'NOT_LEADER_OR_FOLLOWER', code: 6 });
  });

  test("is Kafka's own, where kafkajs calls it by an old one", () => {
    for (const { code } of errorCodes) expect(failureIn(createErrorFromCode(code)).name).toBe(kafkaErrorName(code));
  });

  test('is that of the network, of TLS, or ours', () => {
    const coded = (code: string): Error => Object.assign(new Error('no'), { code });
    const names = [
      coded('ECONNREFUSED'),
      coded('ENOTFOUND'),
      coded('CERT_HAS_EXPIRED'),
      coded('ERR_SSL_WRONG_VERSION'),
    ];
    expect(names.map((error) => failureIn(error).name)).toEqual([
      'ECONNREFUSED',
      'ENOTFOUND',
      'CERT_HAS_EXPIRED',
      'EPROTO',
    ]);
    const ours = new NamedError({ name: 'DESTINATION_DISABLED', message: 'It is disabled.' });
    expect(failureIn(new Error('outer', { cause: ours })).name).toBe('DESTINATION_DISABLED');
  });

  test.each(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'EPIPE', 'EAI_AGAIN', 'INVALID_CA'])(
    'is %s, which not every machine gives a test, as kafkajs wraps what Node.js says',
    (code) => {
      const wrapped = Object.assign(new Error(`Connection error: ${code}`), { code });
      expect(failureIn(new Error('outer', { cause: wrapped }))).toMatchObject({ name: code });
      expect(isListed(code)).toBe(true);
    },
  );

  test('is unforeseen for what is no error, and its message is bounded', () => {
    expect(failureIn('a text')).toEqual({ name: 'UNFORESEEN', message: 'a text' });
    expect(failureIn(new Error('x'.repeat(10_000))).message.length).toBeLessThan(1_000);
  });

  test('is found though causes go round in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(failureIn(error).message).toBe('round');
  });
});
