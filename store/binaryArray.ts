/**
 * Arrays in Postgres's binary format, which `pg` sends as it is. As text, 5,000 rows would be quoted here and parsed there,
 * value by value: that is most of what an insert costs (docs/decisions/event-index.md).
 */
const uuidType = 2950;
const textType = 25;
const int4Type = 23;
const headerBytes = 20;

function header(array: Buffer, elementType: number, length: number): void {
  array.writeInt32BE(1, 0); // Dimensions.
  array.writeInt32BE(0, 4); // No nulls.
  array.writeInt32BE(elementType, 8);
  array.writeInt32BE(length, 12);
  array.writeInt32BE(1, 16); // The first index.
}

/** A uuid[] of 16-byte values, each written by `write` at the given place in the buffer. */
export function uuidArray<Item>(
  items: readonly Item[],
  write: (item: Item, buffer: Buffer, at: number) => void,
): Buffer {
  const array = Buffer.allocUnsafe(headerBytes + items.length * 20);
  header(array, uuidType, items.length);
  let at = headerBytes;
  for (const item of items) {
    array.writeInt32BE(16, at);
    write(item, array, at + 4);
    at += 20;
  }
  return array;
}

/** A uuid[] of events' ids, each the 22 characters of a digest. */
export const idArray = (digests: readonly string[]): Buffer =>
  uuidArray(digests, (digest, buffer, at) => buffer.write(digest, at, 'base64url'));

/** An int4[]. */
export function int4Array(items: readonly number[]): Buffer {
  const array = Buffer.allocUnsafe(headerBytes + items.length * 8);
  header(array, int4Type, items.length);
  let at = headerBytes;
  for (const item of items) {
    array.writeInt32BE(4, at);
    array.writeInt32BE(item, at + 4);
    at += 8;
  }
  return array;
}

/** A text[]. */
export function textArray(items: readonly string[]): Buffer {
  const texts = items.map((item) => Buffer.from(item));
  const array = Buffer.allocUnsafe(headerBytes + texts.reduce((sum, text) => sum + 4 + text.length, 0));
  header(array, textType, items.length);
  let at = headerBytes;
  for (const text of texts) {
    array.writeInt32BE(text.length, at);
    text.copy(array, at + 4);
    at += 4 + text.length;
  }
  return array;
}
