declare module 'kafkajs-snappy' {
  /** A codec as kafkajs takes one. */
  export default function snappyCodec(): { decompress(bytes: Buffer): Promise<Buffer> };
}
