/** Lets kafkajs read records that are compressed with what it does not bring itself; imported for that effect. */
import kafkajs from 'kafkajs';
import snappyCodec from 'kafkajs-snappy';

const { CompressionCodecs, CompressionTypes } = kafkajs;

const readOnly = async (): Promise<Buffer> => {
  throw new Error('This codec is for readers: what is sent is compressed by activities/kafka/codecs.ts.');
};

// Another package than the one that writes: so that a reader of our records is not our own writer.
CompressionCodecs[CompressionTypes.Snappy] = snappyCodec;
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: readOnly,
  decompress: async (bytes: Buffer) => (await import('lz4-napi')).decompressFrame(bytes),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: readOnly,
  decompress: async (bytes: Buffer) => (await import('@mongodb-js/zstd')).decompress(bytes),
});
