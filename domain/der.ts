/** DER (ITU-T X.690), as far as keys are written in it. */

export const derTags = { integer: 0x02, octets: 0x04, objectId: 0x06, sequence: 0x30, firstOptional: 0xa0 } as const;

export type DerPart = { tag: number; content: Buffer };

/** The parts that stand one after the other: a tag, the length of what follows, and that. Throws for anything else. */
export function partsOf(der: Buffer): DerPart[] {
  const parts: DerPart[] = [];
  for (let at = 0; at < der.length; ) {
    const tag = der.readUInt8(at);
    const first = der.readUInt8(at + 1);
    const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
    const begin = at + 2 + lengthBytes;
    const end = begin + (first < 0x80 ? first : der.readUIntBE(at + 2, lengthBytes));
    if ((tag & 0x1f) === 0x1f || end > der.length) throw new Error('That is not DER as a key is written in.');
    parts.push({ tag, content: der.subarray(begin, end) });
    at = end;
  }
  return parts;
}
