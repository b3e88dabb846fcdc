/** How kafkajs 2.2.4 reads and writes the protocol, as far as we write a request of our own. */
declare module 'kafkajs/src/protocol/encoder.js' {
  export default class Encoder {
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
