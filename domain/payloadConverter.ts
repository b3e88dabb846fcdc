import {
  type ConverterHint,
  defaultPayloadConverter,
  type Payload,
  type PayloadConverter,
  type SerializationContext,
  type TypeInfo,
} from '@temporalio/common';
import { type Block, entryOf } from './block.ts';

/**
 * Carries a {@link Block} as one payload: `{"acceptedAtMs":…,"quietMs":…,"index":[[id,key,length],…],"events":[…]}`, which
 * Temporal's UI and CLI show as the JSON that it is. The metadata says where the events begin, so that neither workflow
 * nor worker parses them. Everything else goes through Temporal's default converter.
 */
const eventsAtKey = 'causeway-events-at';
const eventsName = ',"events":';
const closeBrace = 0x7d;

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** The last is there where a replay sends the event once more. */
type IndexRow = [id: string, key: string, length: number, again?: string];
type Head = Pick<Block, 'acceptedAtMs' | 'quietMs'> & { index: IndexRow[] };

// ArrayBuffer.isView, not instanceof: workflow code has its own Uint8Array.
const isBlock = (value: unknown): value is Block =>
  typeof value === 'object' &&
  value !== null &&
  'entries' in value &&
  'bodies' in value &&
  ArrayBuffer.isView(value.bodies);

function blockPayload(block: Block): Payload {
  const head: Head = {
    acceptedAtMs: block.acceptedAtMs,
    quietMs: block.quietMs,
    index: block.entries.map(({ id, key, length, again }) => (again ? [id, key, length, again] : [id, key, length])),
  };
  const before = encode(JSON.stringify(head).slice(0, -1) + eventsName);
  const data = new Uint8Array(before.length + block.bodies.length + 1);
  data.set(before);
  data.set(block.bodies, before.length);
  data[data.length - 1] = closeBrace;
  return { metadata: { encoding: encode('json/plain'), [eventsAtKey]: encode(String(before.length)) }, data };
}

function blockFrom(data: Uint8Array, eventsAt: number): Block {
  const head: Head = JSON.parse(`${decode(data.subarray(0, eventsAt - eventsName.length))}}`);
  return {
    acceptedAtMs: head.acceptedAtMs,
    quietMs: head.quietMs,
    entries: head.index.map(([id, key, length, again]) => entryOf(id, key, length, again)),
    bodies: data.subarray(eventsAt, data.length - 1),
  };
}

function read<T>(payload: Payload): T {
  const eventsAt = payload.metadata?.[eventsAtKey];
  if (!eventsAt || !payload.data) return defaultPayloadConverter.fromPayload<T>(payload);
  // As Temporal's own converters, the type is the caller's.
  return blockFrom(payload.data, Number(decode(eventsAt))) as T;
}

/** What stands for a payload that can't be read, where it is read by {@link anyInput}. */
export const unreadable = Symbol.for('causeway.unreadable');

const lenient: TypeInfo = { payloadConverterHint: { converter: 'causeway-lenient' } };
/**
 * The types of what anyone may send: the inputs of signals and queries, however many. One that can't be read is
 * {@link unreadable}, for a workflow task that throws is tried again for ever. All else that can't be read throws.
 */
export const anyInput = {
  inputTypes: new Proxy<TypeInfo[]>([], {
    get: (none, name, self): unknown => Reflect.get(none, name, self) ?? lenient,
  }),
};

export const payloadConverter: PayloadConverter = {
  toPayload: (value) => (isBlock(value) ? blockPayload(value) : defaultPayloadConverter.toPayload(value)),
  fromPayload<T>(payload: Payload, _context?: SerializationContext, hint?: ConverterHint<T>): T {
    if (hint?.converter !== lenient.payloadConverterHint?.converter) return read<T>(payload);
    try {
      return read<T>(payload);
    } catch {
      return unreadable as T; // Who reads leniently looks for it.
    }
  },
};
