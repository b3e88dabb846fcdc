/** Events as somebody would send them who means harm, or whose program is broken, and what each is answered. */

/** The JSON texts of an event's fields, where they are others than usual. */
type Texts = { eventType?: string; idempotencyKey?: string; payload?: string; metadata?: string; more?: string };

/** The text of an event. `occurredAt` is given, so that its value is known. */
export const eventText = (
  customer: string,
  key: string,
  { eventType = '"e"', idempotencyKey = `"${key}"`, payload = '{}', metadata, more = '' }: Texts,
): string =>
  [
    `{"eventType":${eventType},"occurredAt":"2026-01-15T09:30:00Z","customerExternalId":"${customer}"`,
    `,"idempotencyKey":${idempotencyKey},"payload":${payload}${metadata === undefined ? '' : `,"metadata":${metadata}`}${more}}`,
  ].join('');

/** So deep: an object for each level. */
export const nested = (levels: number): string => `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
/** `_` and numbers: names that a table of a fixed hash would put in one place. */
const names = (count: number, nameOf: (n: number) => string): string =>
  `{${Array.from({ length: count }, (_, n) => `"${nameOf(n)}":0`).join(',')}}`;

/** Taken, and delivered letter by letter: an event of which nothing is wrong, whatever a reader may make of it. */
export const kept: Record<string, Texts> = {
  'numbers that no double holds': {
    payload:
      '{"a":12345678901234567890,"b":1e400,"c":-0,"d":0.1000000000000000055511151231257827,"e":1E+400,"f":-1e-9999,"g":1.10}',
  },
  'a number of 5,000 digits': { payload: `{"n":${'9'.repeat(5_000)}.${'1'.repeat(5_000)}}` },
  "names of JavaScript's own": {
    payload: String.raw`{"__proto__":{"eventType":"x","polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1,"toString":null,"\u005f\u005fproto__":[]}`,
    metadata: '{"__proto__":null,"toJSON":"x","then":1}',
  },
  'names that stand there twice, one of them escaped': {
    payload: String.raw`{"a":1,"\u0061":2,"a":3,"b":{"x":1,"x":{}}}`,
  },
  'NUL and other control characters, escaped': {
    payload: String.raw`{"a\u0000b":"\u0000\u001f\u007f","":"\r\n\t\b\f"}`,
  },
  'halves of surrogate pairs, escaped': { payload: String.raw`{"\udfff":"\ud800","pair turned round":"\ude00\ud83d"}` },
  'strange Unicode': {
    payload: `{"a":"\ufeff\u2028\u2029\u202e\u0085\ufffe\u{10ffff}\u{e0001}","e\u0301":"\u0065\u0301"}`,
  },
  'as many levels as are taken': { payload: nested(499) },
  'an array as deep': { payload: `{"a":${'['.repeat(498)}${']'.repeat(498)}}` },
  'brackets inside strings, which are no levels': {
    payload: `{"a":"${'[{'.repeat(2_000)}","b":"\\"${'['.repeat(999)}"}`,
  },
  '80,000 empty objects': { payload: `{"a":[${Array(80_000).fill('{}').join(',')}]}` },
  '16,000 names that are numbers': { payload: names(16_000, (n) => String(n * 131_072)) },
  '10,000 names alike but for their end': { payload: names(10_000, (n) => `k${String(n).padStart(12, '_')}`) },
  'a name of 200,000 characters': { payload: `{"${'n'.repeat(200_000)}":1}` },
  '100,000 backslashes': { payload: `{"a":"${'\\'.repeat(100_000)}","b":"\\\\\\"${'\\\\'.repeat(999)}"}` },
  'a type and a key of any script': { eventType: '"заказ.出荷😀é"', idempotencyKey: '"clé-ключ-鍵-😀"' },
  'the same, escaped': { eventType: String.raw`"\u0437\ud83d\ude00"`, idempotencyKey: String.raw`"\u0063l\u00e9\/\""` },
  'a type that turns a line round, and a control character of C1': { eventType: '"a\u202eb\u0085c\u2028d"' },
  "a type and a key that are names of JavaScript's own": { eventType: '"__proto__"', idempotencyKey: '"constructor"' },
  'a type of 255 characters': { eventType: `"${'é'.repeat(255)}"` },
};

const field = (name: string, problem: string) => ({
  status: 422,
  code: 'validation_failed',
  says: `${name} ${problem}`,
});
const twice = (name: string) => field(name, 'stands in the event twice');
const unknown = (name: string) => field(name, 'is not a known field');
const tooDeep = (name: string) => field(name, 'is nested too deeply');
const control = (name: string) => field(name, 'holds a control character');
const half = (name: string) => field(name, 'holds half of a surrogate pair');

type Refusal = Texts & { status: number; code: string; says: string };

/** JSON, and refused alone: the other events of a batch are not. */
export const refused: Record<string, Refusal> = {
  'one level too many': { payload: nested(500), ...tooDeep('payload') },
  '100,000 levels': { payload: nested(40_000), ...tooDeep('payload') },
  '100,000 arrays': { metadata: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, ...tooDeep('metadata') },
  'a field __proto__': { more: ',"__proto__":{"eventType":"f"}', ...unknown('__proto__') },
  'the same, escaped': { more: String.raw`,"\u005f_proto__":1`, ...unknown('__proto__') },
  'a field constructor': { more: ',"constructor":{"prototype":{}}', ...unknown('constructor') },
  'a field twice': { more: ',"eventType":"f"', ...twice('eventType') },
  'a field twice, once escaped': { more: String.raw`,"\u0065ventType":"f"`, ...twice('eventType') },
  'a payload twice, once escaped': { more: String.raw`,"payloa\u0064":{"n":1}`, ...twice('payload') },
  'a line break in the type': { eventType: String.raw`"a\r\nX-Header: b"`, ...control('eventType') },
  'NUL in the type': { eventType: String.raw`"a\u0000"`, ...control('eventType') },
  'DEL in the key': { idempotencyKey: '"a\u007f"', ...control('idempotencyKey') },
  'a line break in the key': { idempotencyKey: String.raw`"a\u000ab"`, ...control('idempotencyKey') },
  'half a surrogate pair in the type': { eventType: String.raw`"\udc00"`, ...half('eventType') },
  'half a surrogate pair in the key': { idempotencyKey: String.raw`"k\ud800"`, ...half('idempotencyKey') },
  'a type of 256 characters': { eventType: `"${'e'.repeat(256)}"`, ...field('eventType', 'is too long') },
  'a key of 10,000 characters': {
    idempotencyKey: `"${'k'.repeat(10_000)}"`,
    ...field('idempotencyKey', 'is too long'),
  },
  'a payload that is an array': { payload: '[{}]', ...field('payload', 'is no JSON object') },
  'a payload that is null': { payload: 'null', ...field('payload', 'is no JSON object') },
  'too many bytes': {
    ...{ payload: `{"a":"${'x'.repeat(262_144)}"}`, status: 413, code: 'event_too_large' },
    says: 'at most 262144 are taken',
  },
};

const ofText = (change: (text: string) => string) => (text: string) => Buffer.from(change(text));
/** The text with these bytes inside its payload. */
const withBytes =
  (...bytes: number[]) =>
  (text: string) => {
    const at = text.indexOf('"payload":{}') + '"payload":{'.length;
    return Buffer.concat([
      Buffer.from(`${text.slice(0, at)}"a":"`),
      Buffer.from(bytes),
      Buffer.from(`"${text.slice(at)}`),
    ]);
  };
const withPayload = (payload: string) => ofText((text) => text.replace('"payload":{}', `"payload":{"a":${payload}}`));

/** What is made of a good event's text so that it is no JSON: 400 `malformed_json`, alone and in an array. */
export const malformed: Record<string, (text: string) => Buffer> = {
  'a byte order mark': ofText((text) => `\ufeff${text}`),
  'UTF-16': (text) => Buffer.from(`\ufeff${text}`, 'utf16le'),
  'an overlong NUL': withBytes(0xc0, 0x80),
  'an overlong slash': withBytes(0xe0, 0x80, 0xaf),
  'a surrogate in UTF-8': withBytes(0xed, 0xa0, 0x80),
  'a byte of Latin-1': withBytes(0xe9),
  'a code point beyond Unicode': withBytes(0xf4, 0x90, 0x80, 0x80),
  'the beginning of a character': withBytes(0xf0, 0x9f),
  'NUL as it is': withBytes(0),
  'a line break as it is': withBytes(10),
  'something after it': ofText((text) => `${text}x`),
  'NUL after it': ofText((text) => `${text}\0`),
  'its end missing': ofText((text) => text.slice(0, -1)),
  'a comma too many': ofText((text) => `${text.slice(0, -1)},}`),
  'a comment': withPayload('/* */1'),
  NaN: withPayload('NaN'),
  Infinity: withPayload('-Infinity'),
  'a zero in front': withPayload('01'),
  'a plus in front': withPayload('+1'),
  'no digit after the point': withPayload('1.'),
  'a hexadecimal number': withPayload('0x10'),
  'single quotes': withPayload("'a'"),
  'half an escape': withPayload(String.raw`"\u12"`),
  '100,000 levels that do not end': withPayload('['.repeat(100_000)),
};
