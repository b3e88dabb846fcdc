import { fileURLToPath } from 'node:url';
import { tolerantCompressionCodec } from './compressionCodec.ts';

/** How every process of Causeway writes and reads payloads: blocks as bytes, large payloads compressed. */
export const dataConverter = {
  payloadConverterPath: fileURLToPath(new URL('./payloadConverter.ts', import.meta.url)),
  payloadCodecs: [tolerantCompressionCodec],
};
