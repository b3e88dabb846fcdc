import { randomUUID } from 'node:crypto';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Answer } from '../harness/api.ts';
import { type Causeway, startCauseway } from '../harness/causeway.ts';
import { answerCheck, type Description, operationsOf, requestExamples } from '../harness/openapi.ts';

let causeway: Causeway;
let description: Description;
beforeAll(async () => {
  causeway = await startCauseway({ workers: 0 });
  const answer = await causeway.api.request('GET', '/openapi.json', undefined, { authorization: '' });
  expect(answer.headers.get('content-type')).toBe('application/json');
  description = answer.body as Description;
});
afterAll(() => causeway.stop());

const call = (operation: string, id = '', body?: unknown, headers?: Record<string, string>): Promise<Answer> => {
  const [method = '', path = ''] = operation.split(' ');
  return causeway.api.request(method, path.replace('{id}', id), body, headers);
};

test('the description is a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(description));
  expect(errors).toBeUndefined();
  expect([valid, validator.version]).toEqual([true, '3.1']);
  expect(() => validator.resolveRefs()).not.toThrow();
});

test('it describes every route, and what each needs', () => {
  const needs = operationsOf(description).map(({ name, operation }) => {
    const scopes =
      operation.security?.flatMap((one) => Object.entries(one).map(([scheme, [scope]]) => `${scheme} ${scope}`)) ?? [];
    return [name, scopes.join() || 'nothing'];
  });
  expect(Object.fromEntries(needs)).toEqual({
    'POST /v1/events': 'bearer ingest',
    'POST /v1/events/batch': 'bearer ingest',
    'GET /v1/events': 'bearer read,portal read',
    'GET /v1/events/{id}': 'bearer read,portal read',
    'GET /v1/events/{id}/value': 'bearer read,portal read',
    'GET /v1/deliveries': 'bearer read,portal read',
    'GET /v1/dead-letters': 'bearer read,portal read',
    'POST /v1/destinations': 'bearer manage,portal manage_destinations',
    'GET /v1/destinations': 'bearer read,portal read',
    'GET /v1/destinations/{id}': 'bearer read,portal read',
    'PATCH /v1/destinations/{id}': 'bearer manage,portal manage_destinations',
    'DELETE /v1/destinations/{id}': 'bearer manage,portal manage_destinations',
    'POST /v1/destinations/test': 'bearer manage,portal manage_destinations',
    'POST /v1/destinations/{id}/test': 'bearer manage,portal manage_destinations',
    'POST /v1/destinations/{id}/rotate': 'bearer manage,portal manage_destinations',
    'POST /v1/destinations/{id}/test-event': 'bearer manage,portal manage_destinations',
    'GET /v1/destinations/{id}/lanes': 'bearer read,portal read',
    'GET /v1/destinations/{id}/lane-log': 'bearer read,portal read',
    'GET /v1/destinations/{id}/dead-letters': 'bearer read,portal read',
    'POST /v1/destinations/{id}/replay': 'bearer manage,portal replay',
    'POST /v1/destinations/{id}/discard': 'bearer manage,portal replay',
    'POST /v1/replays': 'bearer manage,portal replay',
    'GET /v1/replays': 'bearer read,portal read',
    'GET /v1/overview': 'bearer read,portal read',
    'GET /v1/series': 'bearer read,portal read',
    'GET /v1/event-types': 'bearer read,portal read',
    'GET /v1/replays/{id}': 'bearer read,portal read',
    'POST /v1/replays/{id}/cancel': 'bearer manage,portal replay',
    'POST /v1/replays/{id}/continue': 'bearer manage,portal replay',
    'GET /v1/checks': 'bearer read',
    'POST /v1/destinations/{id}/pause': 'bearer manage,portal manage_destinations',
    'POST /v1/destinations/{id}/resume': 'bearer manage,portal manage_destinations',
    'POST /v1/api-keys': 'bearer manage',
    'GET /v1/api-keys': 'bearer manage',
    'POST /v1/api-keys/{id}/rotate': 'bearer manage',
    'DELETE /v1/api-keys/{id}': 'bearer manage',
    'GET /v1/audit': 'bearer manage',
    'POST /v1/portal-links': 'bearer manage',
    'GET /v1/portal-links': 'bearer manage',
    'DELETE /v1/portal-links/{id}': 'bearer manage',
    'POST /v1/session': 'nothing',
    'GET /v1/session': 'session undefined',
    'DELETE /v1/session': 'session undefined',
    'GET /healthz': 'nothing',
    'POST /codec/decode': 'nothing',
    'POST /codec/encode': 'nothing',
  });
  expect(Object.keys(description.components.securitySchemes)).toEqual(['bearer', 'session', 'portal']);
});

test('no path has a method that is not described', async () => {
  const paths = Object.entries(description.paths);
  for (const [path] of paths) {
    const { headers } = await call(`PUT ${path}`, 'x');
    const allowed = headers.get('allow')?.split(', ') ?? [];
    // `/v1/events/batch` is also a `/v1/events/{id}`.
    const described = paths.flatMap(([template, methods]) => {
      const isMeant = new RegExp(`^${template.replace('{id}', '[^/]+')}$`).test(path);
      return isMeant ? Object.keys(methods).map((method) => method.toUpperCase()) : [];
    });
    expect(
      allowed.filter((method) => method !== 'HEAD'),
      path,
    ).toEqual(described.toSorted());
  }
});

test('every error in it is one and the same problem document', () => {
  const problem = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  for (const { name, operation } of operationsOf(description)) {
    // Node's server answers 408 and 431 by itself.
    const errors = Object.entries(operation.responses).filter(
      ([status]) => Number(status) >= 400 && !['408', '431'].includes(status),
    );
    for (const [status, { content }] of errors) {
      const isAnswerOfItsOwn = name === 'GET /healthz' || (name === 'POST /v1/events/batch' && status === '422');
      if (!isAnswerOfItsOwn) expect(content, `${name} ${status}`).toEqual(problem);
    }
    if (name.includes('/v1/'))
      expect(Object.keys(operation.responses)).toEqual(expect.arrayContaining(['401', '403', '429', '500', '503']));
  }
});

test('the API accepts every example in it', async () => {
  const { body } = await call('POST /v1/destinations', '', description.components.schemas.NewDestination?.example);
  const { id } = body as { id: string };
  const { body: key } = await call('POST /v1/api-keys', '', { name: 'k', scopes: ['read'] });
  const { id: keyId } = key as { id: string };
  const refused: string[] = [];
  let examples = 0;
  for (const { name, operation } of operationsOf(description)) {
    for (const { type, example } of requestExamples(description, operation)) {
      examples++;
      const { status, text } = await call(name, name.includes('/api-keys/') ? keyId : id, example, {
        'content-type': type,
      });
      if (status >= 300) refused.push(`${name} (${type}): ${status} ${text}`);
    }
  }
  expect(refused).toEqual([
    // A key that nobody has.
    expect.stringMatching(/^POST .*session .*"code":"unauthenticated"/),
    // Its brokers are not there, so the test that comes before the switch fails.
    expect.stringMatching(/^POST .*rotate .*"code":"rotation_test_failed"/),
  ]);
  expect(examples).toBe(19);
});

test('what the API answers is what it describes', async () => {
  const departs = answerCheck(description);
  const { id: destination, customerExternalId } = await causeway.createDestination();
  const event = { eventType: 'order.shipped', customerExternalId, payload: {}, idempotencyKey: 'known' };
  const accepted = await call('POST /v1/events', '', event);
  const eventId = (accepted.body as { id: string }).id;
  const secret = {
    ...{ type: 'KAFKA', name: 'n', customerExternalId: `acct_${randomUUID()}`, brokers: ['b:1'], topic: 't' },
    auth: { mode: 'SASL_PLAIN', username: 'u', password: 'p' },
  };
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const nobody = { authorization: '' };
  const soon = new Date(Date.now() + 60_000).toISOString();
  const made = await call('POST /v1/api-keys', '', { name: 'k', scopes: ['read'] });
  const { key: readKey } = made.body as { key: string };
  const { id: keyId } = (await call('POST /v1/api-keys', '', { name: 'k', scopes: ['read'] })).body as { id: string };
  // One after another: a rotation that meets a PATCH under way is answered 412.
  const answers: [operation: string, status: number, ask: () => Answer | Promise<Answer>][] = [
    ['POST /v1/events', 202, () => accepted],
    ['POST /v1/events', 400, () => call('POST /v1/events', '', '{')],
    ['POST /v1/events', 401, () => call('POST /v1/events', '', event, nobody)],
    ['POST /v1/events', 415, () => call('POST /v1/events', '', event, ndjson)],
    ['POST /v1/events', 422, () => call('POST /v1/events', '', { ...event, payload: 1 })],
    ['POST /v1/events/batch', 202, () => call('POST /v1/events/batch', '', [event])],
    ['POST /v1/events/batch', 207, () => call('POST /v1/events/batch', '', [event, { ...event, payload: 1 }])],
    ['POST /v1/events/batch', 400, () => call('POST /v1/events/batch', '', '[]')],
    ['POST /v1/events/batch', 413, () => call('POST /v1/events/batch', '', '\n{}'.repeat(1_001), ndjson)],
    ['POST /v1/events/batch', 422, () => call('POST /v1/events/batch', '', [{}])],
    ['GET /v1/events/{id}', 200, () => call('GET /v1/events/{id}', eventId)],
    ['GET /v1/events/{id}', 400, () => call('GET /v1/events/{id}', 'x')],
    ['GET /v1/events/{id}', 404, () => call('GET /v1/events/{id}', `evt_${'A'.repeat(22)}`)],
    ['GET /v1/events/{id}/value', 200, () => call('GET /v1/events/{id}/value', eventId)],
    ['GET /v1/events/{id}/value', 400, () => call('GET /v1/events/{id}/value', 'x')],
    ['GET /v1/events/{id}/value', 404, () => call('GET /v1/events/{id}/value?destinationId=dst_none', eventId)],
    ['GET /v1/events', 200, () => call(`GET /v1/events?customerExternalId=${customerExternalId}&idempotencyKey=known`)],
    ['GET /v1/events', 400, () => call('GET /v1/events?customerExternalId=a')],
    ['GET /v1/events', 404, () => call('GET /v1/events?customerExternalId=a&idempotencyKey=b')],
    ['GET /v1/deliveries', 200, () => call(`GET /v1/deliveries?customerExternalId=${customerExternalId}`)],
    ['GET /v1/deliveries', 400, () => call('GET /v1/deliveries')],
    ['GET /v1/deliveries', 404, () => call('GET /v1/deliveries?destinationId=dst_none')],
    ['GET /v1/dead-letters', 200, () => call(`GET /v1/dead-letters?customerExternalId=${customerExternalId}`)],
    ['GET /v1/dead-letters', 400, () => call('GET /v1/dead-letters?error=none')],
    ['GET /v1/dead-letters', 404, () => call('GET /v1/dead-letters?destinationId=dst_none')],
    ['POST /v1/destinations', 201, () => call('POST /v1/destinations', '', secret)],
    ['POST /v1/destinations', 415, () => call('POST /v1/destinations', '', secret, { 'content-type': 'text/plain' })],
    ['POST /v1/destinations', 413, () => call('POST /v1/destinations', '', { ...secret, name: 'n'.repeat(600_000) })],
    ['POST /v1/destinations', 422, () => call('POST /v1/destinations', '', {})],
    ['GET /v1/destinations', 200, () => call('GET /v1/destinations')],
    ['GET /v1/destinations', 400, () => call('GET /v1/destinations?limit=0')],
    ['GET /v1/destinations/{id}', 200, () => call('GET /v1/destinations/{id}', destination)],
    ['GET /v1/destinations/{id}', 404, () => call('GET /v1/destinations/{id}', 'x')],
    ['PATCH /v1/destinations/{id}', 200, () => call('PATCH /v1/destinations/{id}', destination, { name: 'm' })],
    [
      'PATCH /v1/destinations/{id}',
      412,
      () => call('PATCH /v1/destinations/{id}', destination, {}, { 'if-match': '"9"' }),
    ],
    ['POST /v1/destinations/test', 200, () => call('POST /v1/destinations/test', '', secret)],
    ['POST /v1/destinations/test', 422, () => call('POST /v1/destinations/test', '', { ...secret, sendTestEvent: 1 })],
    ['POST /v1/destinations/{id}/test', 200, () => call('POST /v1/destinations/{id}/test', destination, {})],
    ['POST /v1/destinations/{id}/test', 200, () => call('POST /v1/destinations/{id}/test', destination)],
    [
      'POST /v1/destinations/{id}/test',
      415,
      () => call('POST /v1/destinations/{id}/test', destination, '{}', { 'content-type': 'text/plain' }),
    ],
    ['POST /v1/destinations/{id}/test', 404, () => call('POST /v1/destinations/{id}/test', 'x', {})],
    ['POST /v1/destinations/{id}/rotate', 404, () => call('POST /v1/destinations/{id}/rotate', 'x', { auth: {} })],
    [
      'POST /v1/destinations/{id}/rotate',
      422,
      () => call('POST /v1/destinations/{id}/rotate', destination, { auth: { mode: 'MTLS' } }),
    ],
    ['POST /v1/destinations/{id}/test-event', 202, () => call('POST /v1/destinations/{id}/test-event', destination)],
    ['POST /v1/destinations/{id}/test-event', 404, () => call('POST /v1/destinations/{id}/test-event', 'x')],
    ['DELETE /v1/destinations/{id}', 404, () => call('DELETE /v1/destinations/{id}', 'x')],
    ['GET /v1/destinations/{id}/lanes', 200, () => call('GET /v1/destinations/{id}/lanes', destination)],
    ['GET /v1/destinations/{id}/lanes', 400, () => call('GET /v1/destinations/{id}/lanes?state=x', destination)],
    ['GET /v1/destinations/{id}/lanes', 404, () => call('GET /v1/destinations/{id}/lanes', 'dst_x')],
    ['GET /v1/destinations/{id}/lane-log', 400, () => call('GET /v1/destinations/{id}/lane-log', destination)],
    ['GET /v1/destinations/{id}/lane-log', 404, () => call('GET /v1/destinations/{id}/lane-log?lane=x', destination)],
    ['GET /v1/destinations/{id}/dead-letters', 200, () => call('GET /v1/destinations/{id}/dead-letters', destination)],
    [
      'POST /v1/destinations/{id}/replay',
      202,
      () => call('POST /v1/destinations/{id}/replay', destination, { all: true }),
    ],
    ['POST /v1/destinations/{id}/replay', 422, () => call('POST /v1/destinations/{id}/replay', destination, {})],
    ['POST /v1/destinations/{id}/discard', 404, () => call('POST /v1/destinations/{id}/discard', 'x', { all: true })],
    [
      'POST /v1/destinations/{id}/pause',
      202,
      () => call('POST /v1/destinations/{id}/pause', destination, { by: 'ada' }),
    ],
    [
      'POST /v1/destinations/{id}/pause',
      404,
      () => call('POST /v1/destinations/{id}/pause', destination, { lane: 'none' }),
    ],
    ['GET /v1/destinations/{id}', 200, () => call('GET /v1/destinations/{id}', destination)],
    ['POST /v1/destinations/{id}/resume', 202, () => call('POST /v1/destinations/{id}/resume', destination, {})],
    ['POST /v1/replays', 422, () => call('POST /v1/replays', '', {})],
    ['POST /v1/replays', 202, () => call('POST /v1/replays', '', { destinationId: destination, dryRun: true })],
    ['GET /v1/replays', 200, () => call('GET /v1/replays')],
    ['GET /v1/replays', 400, () => call('GET /v1/replays?limit=0')],
    ['GET /v1/overview', 200, () => call('GET /v1/overview')],
    ['GET /v1/overview', 400, () => call('GET /v1/overview?nonsense=1')],
    ['GET /v1/overview', 404, () => call('GET /v1/overview?destinationId=dst_none')],
    ['GET /v1/series', 200, () => call(`GET /v1/series?range=7d&customerExternalId=${customerExternalId}`)],
    ['GET /v1/series', 400, () => call('GET /v1/series?range=2h')],
    ['GET /v1/series', 404, () => call('GET /v1/series?destinationId=dst_none')],
    ['GET /v1/event-types', 200, () => call('GET /v1/event-types')],
    ['GET /v1/event-types', 400, () => call('GET /v1/event-types?limit=0')],
    ['GET /v1/replays/{id}', 400, () => call('GET /v1/replays/{id}', 'x')],
    ['GET /v1/replays/{id}', 404, () => call('GET /v1/replays/{id}', 'rpl_x')],
    ['POST /v1/replays/{id}/cancel', 404, () => call('POST /v1/replays/{id}/cancel', 'rpl_x')],
    ['POST /v1/replays/{id}/continue', 404, () => call('POST /v1/replays/{id}/continue', 'rpl_x')],
    ['POST /v1/api-keys', 201, () => call('POST /v1/api-keys', '', { name: 'k', scopes: ['read'], expiresAt: soon })],
    ['POST /v1/api-keys', 422, () => call('POST /v1/api-keys', '', { name: 'k', scopes: [] })],
    ['GET /v1/api-keys', 200, () => call('GET /v1/api-keys')],
    ['GET /v1/api-keys', 400, () => call('GET /v1/api-keys?cursor=x')],
    ['POST /v1/api-keys/{id}/rotate', 200, () => call('POST /v1/api-keys/{id}/rotate', keyId, {})],
    ['POST /v1/api-keys/{id}/rotate', 404, () => call('POST /v1/api-keys/{id}/rotate', 'x', {})],
    ['DELETE /v1/api-keys/{id}', 404, () => call('DELETE /v1/api-keys/{id}', `key_${'0'.repeat(32)}`)],
    ['DELETE /v1/api-keys/{id}', 200, () => call('DELETE /v1/api-keys/{id}', keyId)],
    ['GET /v1/api-keys', 403, () => call('GET /v1/api-keys', '', undefined, { authorization: `Bearer ${readKey}` })],
    ['POST /v1/portal-links', 422, () => call('POST /v1/portal-links', '', {})],
    ['GET /v1/portal-links', 400, () => call('GET /v1/portal-links?limit=0')],
    ['DELETE /v1/portal-links/{id}', 404, () => call('DELETE /v1/portal-links/{id}', 'x')],
    ['POST /v1/session', 401, () => call('POST /v1/session', '', { apiKey: 'none' })],
    ['GET /v1/session', 401, () => call('GET /v1/session')],
    ['DELETE /v1/session', 401, () => call('DELETE /v1/session')],
    ['GET /v1/audit', 200, () => call('GET /v1/audit')],
    ['GET /v1/audit', 400, () => call('GET /v1/audit?limit=0')],
    ['GET /v1/checks', 200, () => call('GET /v1/checks')],
    ['GET /healthz', 200, () => call('GET /healthz')],
    ['POST /codec/decode', 200, () => call('POST /codec/decode', '', { payloads: [{ data: 'e30=' }] }, nobody)],
    ['POST /codec/decode', 400, () => call('POST /codec/decode', '', { payloads: 1 })],
  ];
  const found: unknown[] = [];
  for (const [operation, status, ask] of answers) {
    const answer = await ask();
    expect([operation, answer.status, answer.text]).toEqual([operation, status, expect.anything()]);
    found.push(departs(operation, answer));
  }
  expect(found.filter((one) => one !== undefined)).toEqual([]);
});

/** An id of the right form that nobody has. */
const idOfNone = (operation: string): string => {
  if (operation.includes('/v1/events/')) return `evt_${'A'.repeat(22)}`;
  return operation.includes('/v1/replays/') ? 'rpl_none' : 'dst_none';
};

test('every route refuses who has no right key, an id that is none, and a body that it can not read, and says what to do', async () => {
  // Who signs in has no key yet: sessions.test.ts.
  const routes = operationsOf(description).filter(({ name }) => / \/v1\/(?!session$)/.test(name));
  expect(routes.length).toBeGreaterThan(15);
  const refused = async (name: string, asked: Promise<Answer>, code: RegExp, says: RegExp) => {
    const { status, headers, body, text } = await asked;
    expect([name, status, headers.get('content-type')]).toEqual([name, status, 'application/problem+json']);
    expect([name, status, text]).toEqual([name, expect.toSatisfy((one: number) => one >= 400 && one < 500), text]);
    const { code: found, title, detail } = body as { code: string; title: string; detail: string };
    expect([name, found]).toEqual([name, expect.stringMatching(code)]);
    expect(`${title}: ${detail}`).toMatch(says);
  };
  for (const { name: route, operation } of routes) {
    const name = route.endsWith('/lane-log') ? `${route}?lane=x` : route;
    const none = idOfNone(name);
    const [{ type, example } = { type: '', example: undefined }] = requestExamples(description, operation);
    for (const authorization of ['', 'Basic eDp5', `Bearer ${'k'.repeat(20)}`]) {
      const says = /Authorization|API key.*Send "Authorization: Bearer"/;
      await refused(name, call(name, none, example, { authorization }), /^unauthenticated$/, says);
    }
    if (name.includes('{id}')) {
      await refused(
        name,
        call(name, none, example),
        /_not_found$/,
        /No (destination|event|replay|API key|portal link) /,
      );
      for (const id of ['%00', 'x', encodeURIComponent("dst_'; --")]) {
        await refused(name, call(name, id, example), /_not_found$|^request_invalid$/, /.{20}/);
      }
    }
    if (type !== 'application/json') continue;
    await refused(name, call(name, none, '{'), /^malformed_json$/, /Send one JSON|JSON/);
    await refused(name, call(name, none, 'x', { 'content-type': 'text/plain' }), /^content_type_unsupported$/, /json/);
    if (name.endsWith('/batch')) continue; // It answers for each event.
    await refused(name, call(name, none, { nonsense: 1 }), /^validation_failed$/, /nonsense is not a known field/);
    const large = { nonsense: 'x'.repeat(1_000_000) };
    await refused(name, call(name, none, large), /_too_large$/, /\d/);
  }
});

test('/docs is a page that needs no other host', async () => {
  const page = await causeway.api.request('GET', '/docs', undefined, { authorization: '' });
  expect(page.status).toBe(200);
  const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link ?? '');
  expect(links).toHaveLength(4);
  for (const link of links) {
    expect(link).toMatch(/^\//);
    expect((await causeway.api.get(link)).status).toBe(200);
  }
});
