import { fileURLToPath } from 'node:url';
import type { DataConverter, PayloadCodec } from '@temporalio/common';
import { tolerantCompressionCodec } from './compressionCodec.ts';
import { type EncryptionOptions, tolerantEncryptionCodec } from './encryptionCodec.ts';
import { noPayloadKeys, type PayloadKeys } from './secretKeys.ts';

const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

export type OurDataConverter = DataConverter & { payloadConverterPath: string; payloadCodecs: PayloadCodec[] };

/**
 * How every process of Causeway writes and reads payloads: blocks as bytes, large payloads compressed, then all of them encrypted. Who
 * has no keys meets encrypted ones with an error that has it try again: taken for unreadable, an event would be lost.
 */
export const dataConverterWith = (keys: PayloadKeys, options?: EncryptionOptions): OurDataConverter => ({
  payloadConverterPath: pathOf('./payloadConverter.ts'),
  payloadCodecs: [tolerantCompressionCodec, tolerantEncryptionCodec(keys, options)],
  ...(keys.encrypting && { failureConverterPath: pathOf('./failureConverter.ts') }),
});

/** The same without keys. */
export const dataConverter = dataConverterWith(noPayloadKeys);
