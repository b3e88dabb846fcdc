/** How kafkajs 2.2.4 reads and writes the protocol, as far as we write a request of our own. */
declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
    /** `size` in bytes is what it begins with; it grows. */
    constructor(size?: number);
    /** What was written. */
    readonly buffer: Buffer;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeString(text: string | null): this;
    /** Its length before it, as 32 bits. */
    writeBytes(bytes: Buffer): this;
    writeArray(texts: readonly string[]): this;
    writeBoolean(value: boolean): this;
  }
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(bytes: unknown);
    readInt16(): number;
    readInt32(): number;
    readString(): string;
    readBoolean(): boolean;
    readArray<T>(read: (at: Decoder) => T): T[];
  }
}

declare module 'kafkajs/src/protocol/recordBatch/crc32C/crc32C.js' {
  export default function crc32C(bytes: Uint8Array): number;
}
