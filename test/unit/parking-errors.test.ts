import { z } from '@hono/zod-openapi';
import type { Client } from '@temporalio/client';
import {
  ApplicationFailure,
  defaultFailureConverter,
  type LoadedDataConverter,
  type Payload,
} from '@temporalio/common';
import { encodeToPayloads } from '@temporalio/common/lib/internal-non-workflow/index.js';
import { describe, expect, test } from 'vitest';
import { createSegmentActivities } from '../../activities/segments.ts';
import { parkingFields } from '../../api/schemas/lanes.ts';
import { blockOf } from '../../domain/block.ts';
import { restoredLetters } from '../../domain/carriedLetters.ts';
import { encryptionCodec } from '../../domain/encryptionCodec.ts';
import { failureRowOf, failureRows, kindOf, parkingErrors } from '../../domain/failures.ts';
import { payloadConverter } from '../../domain/payloadConverter.ts';
import { replayStartFrom } from '../../domain/replayInput.ts';
import { noPayloadKeys } from '../../domain/secretKeys.ts';
import { failureOf } from '../../workflows/failureOf.ts';
import { idOf } from '../harness/laneSteps.ts';

const loadedDataConverter: LoadedDataConverter = {
  payloadConverter,
  payloadCodecs: [],
  failureConverter: defaultFailureConverter,
};
const holder = { holderId: 'overflow:dst_a:0:h:1', runId: 'r', letters: [{ id: idOf(1), at: 0 }] };
const start = { laneWorkflowId: 'w', number: 1, events: 1 };
const blockWith = (n: number) => blockOf([{ id: idOf(n), key: 'k', value: Buffer.from('1') }], 1, 0);

/** What a read of a body ends with, where Temporal answers so. */
async function readWhere(payloads: () => Promise<Payload[]>, codecs = loadedDataConverter.payloadCodecs) {
  const getWorkflowExecutionHistory = async () => ({
    history: { events: [{ workflowExecutionStartedEventAttributes: { input: { payloads: await payloads() } } }] },
  });
  // These parts alone are asked.
  const temporal = {
    options: { namespace: 'n', loadedDataConverter: { ...loadedDataConverter, payloadCodecs: codecs } },
    workflowService: { getWorkflowExecutionHistory },
  } as unknown as Client;
  const { readBodies } = createSegmentActivities({
    temporal,
    settledBefore: { of: () => Promise.reject(new Error()) },
  });
  return await readBodies(holder).then(
    () => 'read',
    (error: unknown) => error,
  );
}
const encoded = async (...values: unknown[]) => (await encodeToPayloads(loadedDataConverter, ...values)) ?? [];

describe('every name that a letter is parked with is one by which dead letters are found, replayed and discarded:', () => {
  const isTaken = (name: unknown): boolean[] => [
    parkingErrors.some((one) => one === name),
    z.object(parkingFields).safeParse({ error: name }).success,
    !(
      'problem' in
      replayStartFrom(
        { filter: { destinationId: 'dst_a', error: name }, of: 'parked' },
        { workflowId: 'replay:rpl_a', firstExecutionRunId: '0190aaaa-bbbb' },
      )
    ),
  ];
  const taken = [true, true, true];

  test('of every refusal of a record, at first or once it has lasted', () => {
    for (const row of [...failureRows, failureRowOf('KAFKA_ERROR_999')]) {
      const kinds = [1, 3, 10, 1_000].map((tries) => kindOf(row, tries, 1e9));
      if (kinds.includes('recordAtFault')) expect([row.name, isTaken(row.name)]).toEqual([row.name, taken]);
      else expect([row.name, isTaken(row.name)]).toEqual([row.name, [false, false, false]]);
    }
  });

  test.each([
    ['is gone', 'SEGMENT_MISSING', () => Promise.reject(Object.assign(new Error('gone'), { code: 5 }))],
    ['is no holder', 'SEGMENT_UNREADABLE', () => encoded('something else')],
    ['lacks some of its blocks', 'SEGMENT_UNREADABLE', () => encoded(start)],
    ['has another body there', 'SEGMENT_UNREADABLE', () => encoded(start, blockWith(2))],
  ])('of a body whose holder %s', async (_, name, payloads) => {
    const error = await readWhere(payloads);
    expect(error).toMatchObject({ nonRetryable: true });
    expect([failureOf(error).name, isTaken(failureOf(error).name)]).toEqual([name, taken]);
  });

  test('of a body whose reading a person failed by hand, and of a letter whose error the lane has lost', () => {
    for (const type of [undefined, '']) {
      expect(isTaken(failureOf(new ApplicationFailure('by hand', type, true)).name)).toEqual(taken);
    }
    expect(isTaken(failureOf(new Error('The result is too large.')).name)).toEqual(taken);
    const held = [idOf(1), 'k', 1, 0, 0] satisfies [string, string, number, number, number];
    const letters = { errors: [], deadLetters: [{ parkedAtMs: 1, error: 0, held }], released: [], holders: [] };
    expect(isTaken(restoredLetters({ letters }, []).deadLetters[0]?.error.name)).toEqual(taken);
  });
});

test('a body that is encrypted with a key that is not there is no loss: the read fails so that it is tried again', async () => {
  const key = { id: 'k1', key: Buffer.alloc(32, 7) };
  const codec = encryptionCodec({ encrypting: key, all: [key] });
  const error = await readWhere(
    async () => codec.encode(await encoded(start, blockWith(1))),
    [encryptionCodec(noPayloadKeys)],
  );
  expect(error).toMatchObject({ code: 'payload_key_missing' });
  expect(error).not.toBeInstanceOf(ApplicationFailure);
});
