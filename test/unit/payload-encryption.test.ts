import { randomBytes } from 'node:crypto';
import {
  ApplicationFailure,
  type DataConverter,
  defaultFailureConverter,
  type LoadedDataConverter,
  type Payload,
} from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
  encodeErrorToFailure,
  encodeToPayloads,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import { expect, test } from 'vitest';
import { blockOf, deliveriesOf } from '../../domain/block.ts';
import { dataConverter, dataConverterWith } from '../../domain/dataConverter.ts';
import { encryptionCodec, tolerantEncryptionCodec } from '../../domain/encryptionCodec.ts';
import type { CausewayError } from '../../domain/error.ts';
import { failureConverter } from '../../domain/failureConverter.ts';
import { payloadConverter } from '../../domain/payloadConverter.ts';
import { noPayloadKeys, type PayloadKeys, type SecretKey } from '../../domain/secretKeys.ts';

const keyOf = (id: string): SecretKey => ({ id, key: randomBytes(32) });
const [k1, k2] = [keyOf('k1'), keyOf('k2')];
const ringOf = (...all: SecretKey[]): PayloadKeys => ({ encrypting: all[0], all });
const payload = (text: string): Payload => ({
  metadata: { encoding: Buffer.from('json/plain') },
  data: Buffer.from(text),
});
const textOf = (one: Payload | undefined): string => Buffer.from(one?.data ?? []).toString();

/** As the SDK loads it: it needs Node's own `require` for that. */
const loaded = ({ payloadCodecs = [], failureConverterPath }: DataConverter): LoadedDataConverter => ({
  ...{ payloadConverter, payloadCodecs },
  failureConverter: failureConverterPath === undefined ? defaultFailureConverter : failureConverter,
});

async function encrypted(keys: PayloadKeys, text: string): Promise<Payload> {
  const [one] = await encryptionCodec(keys).encode([payload(text)]);
  if (!one) throw new Error('Nothing was encoded.');
  return one;
}

test('a payload is encrypted whole, never twice alike, and says which key it needs', async () => {
  const [one, other] = [await encrypted(ringOf(k1, k2), '"order-7"'), await encrypted(ringOf(k1, k2), '"order-7"')];
  expect(textOf(one)).not.toContain('order-7');
  expect(textOf(one)).not.toContain('json/plain');
  expect(one.data).not.toEqual(other.data);
  expect(Object.entries(one.metadata ?? {}).map(([name, value]) => [name, Buffer.from(value).toString()])).toEqual([
    ['encoding', 'binary/encrypted'],
    ['encryption-key-id', 'k1'],
    ['encryption-key-check', expect.stringMatching(/^[\w-]{12}$/)],
  ]);
  expect((await encryptionCodec(ringOf(k2, k1)).decode([one])).map(textOf)).toEqual(['"order-7"']);
});

test('what was written in the clear is read as it is, with keys and without', async () => {
  for (const keys of [ringOf(k1), noPayloadKeys]) {
    expect((await encryptionCodec(keys).decode([payload('1')])).map(textOf)).toEqual(['1']);
  }
});

test('a ring that encrypts nothing decrypts', async () => {
  const clear = encryptionCodec({ encrypting: undefined, all: [k1] });
  expect((await clear.encode([payload('1')])).map(textOf)).toEqual(['1']);
  expect((await clear.decode([await encrypted(ringOf(k1), '2')])).map(textOf)).toEqual(['2']);
});

test('a key is known by itself: under another id it decrypts, and another key under its id is told apart', async () => {
  const one = await encrypted(ringOf(k1), '1');
  const renamed = { ...k1, id: 'renamed' };
  expect((await encryptionCodec(ringOf(renamed)).decode([one])).map(textOf)).toEqual(['1']);
  const met: CausewayError[] = [];
  for (const [keys, code] of [
    [ringOf({ ...k2, id: 'k1' }), 'payload_key_wrong'],
    [ringOf(k2), 'payload_key_missing'],
    [noPayloadKeys, 'payload_key_missing'],
  ] as const) {
    const codec = tolerantEncryptionCodec(keys, { onKeyMissing: (error) => met.push(error) });
    await expect(codec.decode([payload('0'), one])).rejects.toMatchObject({
      ...{ code, remedy: expect.stringContaining('"k1"') },
    });
  }
  expect(met.map(({ code }) => code)).toEqual(['payload_key_wrong', 'payload_key_missing', 'payload_key_missing']);
});

test('what is damaged is refused, and where others must be read stays as it is', async () => {
  const one = await encrypted(ringOf(k1), '"something"');
  const metadata = one.metadata ?? {};
  const data = Buffer.from(one.data ?? []);
  const changed = (at: number): Payload => ({ metadata, data: data.map((byte, n) => (n === at ? byte ^ 1 : byte)) });
  const { 'encryption-key-check': _, ...named } = metadata;
  const damaged: Payload[] = [
    ...[changed(0), changed(20), changed(30), changed(data.length - 1)],
    ...[
      { metadata, data: data.subarray(0, 43) },
      { metadata, data: null },
      { metadata: named, data },
    ],
  ];
  for (const bad of damaged) {
    await expect(encryptionCodec(ringOf(k1)).decode([bad])).rejects.toThrow(/does not|too short/);
    const read = await tolerantEncryptionCodec(ringOf(k1)).decode([one, bad]);
    expect([textOf(read[0]), read[1]]).toEqual(['"something"', bad]);
  }
});

test('a block goes through converter and codecs byte for byte, large or small', async () => {
  const converter = loaded(dataConverterWith(ringOf(k1)));
  for (const bytes of [10, 900_000]) {
    const value = randomBytes(bytes);
    const key = 'acct_of_a_customer'; // So long that it is in no random bytes.
    const block = blockOf([{ id: 'x'.repeat(22), key, value }], 1, 2);
    const payloads = (await encodeToPayloads(converter, block)) ?? [];
    expect(payloads.map(({ data }) => Buffer.from(data ?? []).includes(key))).toEqual([false]);
    // What encryption adds is a few hundred bytes, so every bound in bytes holds as before.
    expect(payloads[0]?.data?.length).toBeLessThan(bytes * 1.01 + 400);
    const [read] = await decodeArrayFromPayloads(converter, payloads);
    const [delivery] = deliveriesOf(read as typeof block); // It is what was put in.
    expect([delivery?.key, delivery && Buffer.compare(delivery.value, value)]).toEqual([key, 0]);
  }
});

test('what a failure says and its stack trace are encrypted with it, with what caused it; without keys they are legible', async () => {
  const failure = ApplicationFailure.create({
    ...{ message: 'order-7 is refused', type: 'REFUSED', details: ['order-7'] },
    cause: new Error('caused by order-7'),
  });
  const converter = loaded(dataConverterWith(ringOf(k1)));
  const written = await encodeErrorToFailure(converter, failure);
  expect(JSON.stringify(written)).not.toContain('order-7');
  expect(written).toMatchObject({
    message: 'Encoded failure',
    stackTrace: '',
    applicationFailureInfo: { type: 'REFUSED' },
  });
  const read = await decodeOptionalFailureToOptionalError(converter, written);
  expect(read).toMatchObject({
    ...{
      message: 'order-7 is refused',
      details: ['order-7'],
      stack: expect.stringContaining('payload-encryption.test'),
    },
    cause: { message: 'caused by order-7' },
  });
  const clear = await encodeErrorToFailure(loaded(dataConverter), failure);
  expect(clear).toMatchObject({ message: 'order-7 is refused' });
  expect(await decodeOptionalFailureToOptionalError(converter, clear)).toMatchObject({ message: 'order-7 is refused' });
});

test('after so many payloads another key is derived, and what came before decrypts all the same', async () => {
  const codec = encryptionCodec(ringOf(k1), { payloadsPerKey: 3 });
  const many = await codec.encode(Array.from({ length: 8 }, (_, n) => payload(String(n))));
  const salts = many.map(({ data }) => Buffer.from(data ?? []).toString('hex', 0, 16));
  expect(salts.map((salt) => salts.indexOf(salt))).toEqual([0, 0, 0, 3, 3, 3, 6, 6]);
  const texts = (await encryptionCodec(ringOf(k2, k1)).decode(many)).map(textOf);
  expect(texts).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
});
