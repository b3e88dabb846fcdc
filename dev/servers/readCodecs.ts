/** Lets kafkajs read records that are compressed with what it does not bring itself; imported for that effect. */
import kafkajs from 'kafkajs';

const { CompressionCodecs, CompressionTypes } = kafkajs;

const readOnly = async (): Promise<Buffer> => {
  throw new Error('This codec is for readers: what is sent is compressed by activities/kafka/codecs.ts.');
};

CompressionCodecs[CompressionTypes.Snappy] = () => ({
  compress: readOnly,
  // Another package than the one that writes. Loaded when it is needed: the image, where an example reads too, has none for development.
  decompress: async (bytes: Buffer) => (await import('kafkajs-snappy')).default().decompress(bytes),
});
CompressionCodecs[CompressionTypes.LZ4] = () => ({
  compress: readOnly,
  decompress: async (bytes: Buffer) => (await import('lz4-napi')).decompressFrame(bytes),
});
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: readOnly,
  decompress: async (bytes: Buffer) => (await import('@mongodb-js/zstd')).decompress(bytes),
});
