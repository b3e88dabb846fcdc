import fc from 'fast-check';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { crc32cWays } from '../../activities/kafka/crc32c.ts';
import { produceRequest } from '../../activities/kafka/produceRequest.ts';

/** A definition as kafkajs has it. */
type Versioned = {
  versions: string[];
  protocol(asked: { version: number }): (options: unknown) => { request: { encode(): Promise<{ buffer: Buffer }> } };
};
const written = async (definition: unknown, version: number, options: unknown): Promise<Buffer> =>
  (await (definition as Versioned).protocol({ version })(options).request.encode()).buffer; // kafkajs's shape, which has no types.

const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((some) => Buffer.from(some));
const text = fc.string({ unit: 'binary', maxLength: 200 });
const record = fc.record({ key: fc.option(bytes), value: bytes, headers: fc.dictionary(text, text, { maxKeys: 6 }) });
const partition = fc.record({
  partition: fc.nat({ max: 10_000 }),
  messages: fc.array(record, { minLength: 1, maxLength: 200 }),
});
const produce = fc.record({
  acks: fc.constantFrom(-1, 1),
  timeout: fc.constant(10_000),
  topicData: fc.tuple(
    fc.record({ topic: fc.constant('pushrail.events.v1'), partitions: fc.array(partition, { maxLength: 4 }) }),
  ),
});

describe('A produce request', () => {
  beforeEach(() => vi.useFakeTimers({ now: 1_767_225_600_123, toFake: ['Date'] }));
  afterEach(() => vi.useRealTimers());

  it('has the same bytes as that of kafkajs, in every version', async () => {
    await fc.assert(
      fc.asyncProperty(produce, fc.constantFrom(...produceRequest.versions.map(Number)), async (options, version) => {
        const [ours, theirs] = await Promise.all([
          written(produceRequest, version, options),
          written(requests.Produce, version, options),
        ]);
        expect(ours.equals(theirs)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('has the same bytes as that of kafkajs for values whose length takes three bytes and more', async () => {
    const messages = [1, 63, 64, 8_191, 8_192, 1_048_575, 1_048_576].map((length) => ({
      key: Buffer.from('ord_1'),
      value: Buffer.alloc(length, 'a'),
      headers: { event_type: 'order.created' },
    }));
    const options = { acks: -1, timeout: 1, topicData: [{ topic: 't', partitions: [{ partition: 3, messages }] }] };
    expect((await written(produceRequest, 7, options)).equals(await written(requests.Produce, 7, options))).toBe(true);
  });
});

describe('The checksum of a batch', () => {
  it("is the same in the processor's way and in JavaScript, of a view of a longer buffer, too", () => {
    const { native, kafkajs } = crc32cWays;
    if (!native) throw new Error('@node-rs/crc32 has no binary for this machine.');
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat({ max: 50 }), (some, from) => {
        const view = some.subarray(from);
        expect(native(view)).toBe(Number(kafkajs(view)) >>> 0);
      }),
    );
  });
});
