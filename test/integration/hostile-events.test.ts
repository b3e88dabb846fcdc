/** Each event that means harm has one defined answer (docs/record-value.md), over the whole road: real Temporal, real Kafka. */
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../harness/api.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { eventText, kept, malformed, refused } from '../harness/hostileEvents.ts';
import { expectProblem } from '../harness/problem.ts';

let causeway: Causeway;
let destination: CreatedDestination;
beforeAll(async () => {
  causeway = await startCauseway();
  destination = await causeway.createDestination();
});
afterAll(() => causeway.stop());

const json = { 'content-type': 'application/json' };
const ndjson = { 'content-type': 'application/x-ndjson' };

async function sent(path: string, body: Buffer | string, headers: Record<string, string> = json): Promise<Answer> {
  const authorization = `Bearer ${causeway.api.key}`;
  const response = await fetch(causeway.api.url + path, {
    method: 'POST',
    headers: { authorization, ...headers },
    body,
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
}
const alone = (body: Buffer | string, headers?: Record<string, string>) => sent('/v1/events', body, headers);
const batch = (body: Buffer | string, headers?: Record<string, string>) => sent('/v1/events/batch', body, headers);

/** What lies in the topic once one more event has arrived: whatever was to come before it has. */
async function arrived(topic = destination.topic, customer = destination.customerExternalId) {
  const last = `last-${randomUUID()}`;
  expect((await alone(eventText(customer, last, { payload: '{"key":"last"}' }))).status).toBe(202);
  const isThere = (records: { headers: Record<string, string> }[]) =>
    records.some(({ headers }) => headers.idempotency_key === last);
  const records = await until('the last event arrives', () => causeway.kafka.records(topic), isThere);
  return records.filter(({ headers }) => !headers.idempotency_key?.startsWith('last-'));
}

test('what is odd and yet an event is delivered as it was written, with its type and key as headers: alone, in an array, as NDJSON', async () => {
  const customer = destination.customerExternalId;
  const rows = Object.entries(kept);
  const texts = (way: string) =>
    rows.map(([, { idempotencyKey, ...row }], n) => {
      const text = idempotencyKey ?? `"${way}-${n}"`;
      return eventText(customer, '', { ...row, idempotencyKey: text.replace(/"$/, `-${way}"`) });
    });
  const [one, array, lines] = [texts('alone'), texts('array'), texts('line')];
  for (const [n, text] of one.entries()) {
    const answer = await alone(text);
    expect([rows[n]?.[0], answer.status, answer.text]).toEqual([rows[n]?.[0], 202, expect.any(String)]);
  }
  expect((await batch(`[${array.join(',')}]`)).status).toBe(202);
  expect((await batch(lines.join('\n'), ndjson)).status).toBe(202);

  const records = await arrived();
  const all = [...one, ...array, ...lines];
  expect(records.map(({ value }) => String(value) === all.find((text) => text === String(value)))).toEqual(
    all.map(() => true),
  );
  expect(records.map(({ value }) => String(value))).toEqual(all);
  expect(records.map(({ headers, key }) => [headers.event_type, headers.idempotency_key, String(key)])).toEqual(
    all.map((text) => {
      const { eventType, idempotencyKey } = JSON.parse(text) as Record<string, string>;
      return [eventType, idempotencyKey, customer];
    }),
  );
});

test('what is wrong with one event is told of that event, and it goes nowhere; the others of its batch do', async () => {
  const customer = destination.customerExternalId;
  const before = (await arrived()).length;
  const rows = Object.entries(refused);
  for (const [name, { status, code, says, ...row }] of rows) {
    const { detail } = expectProblem(await alone(eventText(customer, 'refused', row)), status, code);
    expect([name, detail]).toEqual([name, expect.stringContaining(says)]);
  }
  const good = eventText(customer, `good-${randomUUID()}`, {});
  // Two batches, for a body has its bound.
  for (const part of [rows.slice(0, -1), rows.slice(-1)]) {
    const texts = part.map(([, row]) => eventText(customer, 'refused', row));
    for (const answer of [
      await batch(`[${[...texts, good].join()}]`),
      await batch([...texts, good].join('\n'), ndjson),
    ]) {
      const { results } = answer.body as { results: { status: number; code?: string }[] };
      expect(results.map(({ status, code }) => [status, code])).toEqual([
        ...part.map(([, { status, code }]) => [status, code]),
        [202, undefined],
      ]);
    }
  }
  const after = await arrived();
  expect(after.slice(before).map(({ value }) => String(value))).toEqual([good]);
});

test.each(Object.entries(malformed))('no JSON, and so refused whole, with nothing stored: %s', async (_, broken) => {
  const good = eventText(destination.customerExternalId, 'never', {});
  expectProblem(await alone(broken(good)), 400, 'malformed_json');
  const array = Buffer.concat([Buffer.from(`[${good},`), broken(good), Buffer.from(']')]);
  expectProblem(await batch(array), 400, 'malformed_json');
});

test('as a line of NDJSON it is refused alone, where it is UTF-8 and has no line break', async () => {
  const good = eventText(destination.customerExternalId, `line-${randomUUID()}`, {});
  const isLine = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes) && !bytes.includes('\n');
  const lines = Object.values(malformed).flatMap((broken) => (isLine(broken(good)) ? [broken(good).toString()] : []));
  expect(lines.length).toBeGreaterThan(12);
  const answer = await batch([...lines, good].join('\n'), ndjson);
  const { results } = answer.body as { results: { status: number }[] };
  expect(results.map(({ status }) => status)).toEqual([...lines.map(() => 422), 202]);
  expect((await arrived()).filter(({ value }) => String(value) === good)).toHaveLength(1);
});

describe('how a body comes', () => {
  const good = () => eventText(destination.customerExternalId, `body-${randomUUID()}`, {});

  test.each([['application/json'], ['APPLICATION/JSON; Charset="UTF-8"'], ['application/json;charset=utf8;x=y']])(
    'content-type %s is taken',
    async (type) => {
      expect((await alone(good(), { 'content-type': type })).status).toBe(202);
    },
  );

  test.each([
    ['text/plain'],
    ['application/json, text/plain'],
    ['application/jsonp'],
    ['application/problem+json'],
    ['multipart/form-data; boundary=x'],
    ['application/json; charset=iso-8859-1'],
    ['application/json; charset=utf-16'],
    ['application/x-www-form-urlencoded'],
    ['application/x-ndjson'],
  ])('content-type %s is not', async (type) => {
    expectProblem(await alone(good(), { 'content-type': type }), 415, 'content_type_unsupported');
  });

  test.each([
    ['gzip', gzipSync('{}')],
    ['gzip', '{}'],
    ['br', '{}'],
    ['identity, gzip', '{}'],
    ['x', '{}'],
  ])('content-encoding %s is not taken, by no route', async (coding, body) => {
    for (const path of ['/v1/events', '/v1/events/batch', '/v1/destinations', '/v1/replays', '/v1/api-keys']) {
      const answer = await sent(path, body, { ...json, 'content-encoding': coding });
      expectProblem(answer, 415, 'content_type_unsupported');
    }
  });

  test('nor a body in another charset', async () => {
    for (const path of ['/v1/events', '/v1/events/batch', '/v1/destinations', '/v1/replays', '/v1/api-keys']) {
      const answer = await sent(path, '{}', { 'content-type': 'application/json; x=y; Charset = "utf-16le"' });
      expectProblem(answer, 415, 'content_type_unsupported');
    }
  });

  test('a secret of bytes that are no UTF-8 is refused by every route that takes one: it would be stored as another', async () => {
    const body = Buffer.concat([Buffer.from('{"name":"'), Buffer.from([0xff]), Buffer.from('"}')]);
    for (const path of ['/v1/destinations', '/v1/destinations/test', '/v1/destinations/dst_x/rotate', '/v1/api-keys']) {
      expectProblem(await sent(path, body), 400, 'malformed_json');
    }
  });

  /** The status line of the answer to these bytes, each chunk written by itself; undefined where the connection is closed without one. */
  const raw = (head: string, chunks: readonly string[]): Promise<string | undefined> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(causeway.api.url);
      const socket = connect(Number(port), hostname);
      let heard = '';
      const done = (): void => {
        socket.destroy();
        resolve(/^HTTP\/1\.1 \d+/.exec(heard)?.[0].slice('HTTP/1.1 '.length));
      };
      socket.setNoDelay(true).on('error', done).on('close', done);
      socket.on('data', (data) => {
        heard += String(data);
        if (heard.includes('\r\n\r\n')) done();
      });
      const common = `Host: x\r\nAuthorization: Bearer ${causeway.api.key}\r\nContent-Type: application/json\r\n`;
      socket.write(`POST /v1/events HTTP/1.1\r\n${common}${head}\r\n\r\n`);
      for (const chunk of chunks) socket.write(chunk);
    });

  test('in chunks of a byte it is the same event', async () => {
    const text = good();
    const chunks = [...Buffer.from(text)].map((byte) => `1\r\n${String.fromCharCode(byte)}\r\n`);
    expect(await raw('Transfer-Encoding: chunked', [...chunks, '0\r\n\r\n'])).toBe('202');
    expect((await arrived()).map(({ value }) => String(value))).toContain(text);
  });

  test('in chunks without end it is refused at the bound', async () => {
    const chunk = `10000\r\n${'x'.repeat(65_536)}\r\n`;
    expect(await raw('Transfer-Encoding: chunked', Array<string>(9).fill(chunk))).toBe('413');
  });

  test.each([
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a length and chunks', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['a length below zero', 'Content-Length: -1'],
    ['a length that is no number', 'Content-Length: 0x10'],
    ['a coding that is none', 'Transfer-Encoding: chunked, x'],
    ['a header with NUL', 'X: a\0b\r\nContent-Length: 0'],
    ['a header over two lines', 'X: a\r\n b\r\nContent-Length: 0'],
  ])('%s, by which two servers could read two requests in one, get 400', async (_, head) => {
    expect(await raw(head, ['0\r\n\r\nGET /v1/audit HTTP/1.1\r\n\r\n'])).toBe('400');
  });
});

describe('partition keys', () => {
  test('of any length and character, up to 1,024 characters, keep their order and are the key of their records', async () => {
    for (const lanes of ['key', 4]) {
      const ordering = { lanes };
      const { topic, customerExternalId } = await causeway.createDestination({ partitionKey: 'payload.key', ordering });
      const long = 'ключ'.repeat(255);
      const keys = [
        `${long}-1`,
        `${long}-2`,
        'k'.repeat(1_024),
        'a\0b',
        'a\nb',
        '__proto__',
        'sha256:x',
        '..',
        'é',
        'e\u0301',
      ];
      const events = [1, 2, 3].flatMap((n) =>
        keys.map((key, k) => eventText(customerExternalId, `${k}.${n}`, { payload: JSON.stringify({ key, n }) })),
      );
      for (const text of events.slice(0, keys.length)) expect((await alone(text)).status).toBe(202);
      expect((await batch(`[${events.slice(keys.length).join()}]`)).status).toBe(202);
      const records = await until(
        'all are there',
        () => causeway.kafka.records(topic),
        ({ length }) => length === events.length,
      );
      for (const [k, key] of keys.entries()) {
        const own = records.filter((record) => record.key?.equals(Buffer.from(key)));
        expect(own.map(({ headers }) => headers.idempotency_key)).toEqual([1, 2, 3].map((n) => `${k}.${n}`));
      }
    }
  });

  test.each([
    ['of 10,000 characters', JSON.stringify('k'.repeat(10_000)), 'is longer than 1024 characters'],
    ['of 10,000 digits', '1'.repeat(10_000), 'is longer than 1024 characters'],
    ['with half a surrogate pair', String.raw`"\ud800"`, 'is not valid Unicode'],
    ['that is an object', '{"__proto__":"k"}', 'is an object or array'],
  ])('%s are refused, and the event is stored for no destination', async (_, key, problem) => {
    const { topic, customerExternalId } = await causeway.createDestination({ partitionKey: 'payload.key' });
    const other = await causeway.createDestination({ customerExternalId });
    const payload = `{"key":${key}}`;
    const answer = await alone(eventText(customerExternalId, 'refused', { payload }));
    expect(expectProblem(answer, 422, 'validation_failed').detail).toContain(`payload.key ${problem}`);
    for (const one of [topic, other.topic]) expect(await arrived(one, customerExternalId)).toEqual([]);
  });

  test('that stand there twice: the last counts, as for JSON.parse', async () => {
    const { topic, customerExternalId } = await causeway.createDestination({ partitionKey: 'payload.key' });
    const payload = String.raw`{"key":"first","\u006bey":"last one"}`;
    expect((await alone(eventText(customerExternalId, 'k', { payload }))).status).toBe(202);
    const [record] = await arrived(topic, customerExternalId);
    expect([String(record?.key), String(record?.value)]).toEqual(['last one', expect.stringContaining(payload)]);
  });
});

test("customers whose ids are names of JavaScript's own are customers like others", async () => {
  for (const customerExternalId of ['__proto__', 'constructor', 'toString', 'a/../b?c#d', 'é😀\u202e']) {
    const { topic } = await causeway.createDestination({ customerExternalId });
    expect((await alone(eventText(customerExternalId, 'k', {}))).status).toBe(202);
    const [record] = await arrived(topic, customerExternalId);
    expect([String(record?.key), record?.headers.customer_external_id]).toEqual([
      customerExternalId,
      customerExternalId,
    ]);
  }
});
