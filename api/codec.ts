import type { HttpBindings } from '@hono/node-server';
import { createRoute, z } from '@hono/zod-openapi';
import type { Payload } from '@temporalio/common';
import proto from '@temporalio/proto';
import { cors } from 'hono/cors';
import { compressionCodec } from '../domain/compressionCodec.ts';
import { CausewayError } from '../domain/error.ts';
import type { App } from './appEnv.ts';
import { BodyBudget, withBody } from './eventBody.ts';
import { parseJson, textOf } from './readEvent.ts';
import { problemResponses } from './schemas/problem.ts';

const payloadsProto = proto.temporal.api.common.v1.Payloads;
const loopbackOrigin = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+$/;

/** The endpoint is open, and little that is compressed may become much: bounds for one request, and for all of them. */
const bodyBytesMax = 8 * 1024 * 1024;
const answerBytesMax = 16 * 1024 * 1024;
const allBytesMax = 64 * 1024 * 1024;

const payloadsSchema = z
  .object({
    payloads: z.array(
      z.object({
        metadata: z.record(z.string(), z.string()).optional().openapi({ description: 'Each value in base64.' }),
        data: z.string().optional().openapi({ description: 'Base64.' }),
      }),
    ),
  })
  .openapi('Payloads', {
    description: "Protobuf JSON of Temporal's `Payloads`.",
    example: { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'eyJhIjoxfQ==' }] },
  });

const content = { 'application/json': { schema: payloadsSchema } };
const routeOf = (path: string, summary: string) =>
  createRoute({
    method: 'post',
    path,
    tags: ['Operations'],
    summary,
    description: 'For the Temporal UI and CLI (`--codec-endpoint`). It shows nothing but what it is given.',
    security: [],
    request: { body: { required: true, content } },
    responses: { 200: { description: 'The payloads.', content }, ...problemResponses(400, 413, 503) },
  });

type Transform = typeof compressionCodec.encode;

/**
 * The codec endpoint of the Temporal UI and CLI: shows payloads that are compressed. It reads nothing but what it is given, so
 * it needs no key. Its protocol: protobuf JSON of `Payloads` in and out (Temporal docs, "Remote data encoding").
 */
export function codecRoutes(app: App): void {
  const ui = cors({
    origin: (origin) => (loopbackOrigin.test(origin) ? origin : null),
    allowMethods: ['POST', 'OPTIONS'],
    allowHeaders: ['content-type', 'x-namespace'],
  });
  app.use('/codec/*', ui);
  const budget = new BodyBudget(allBytesMax);
  const inTurn = turns();
  const add = (path: string, summary: string, transform: Transform): void => {
    app.openAPIRegistry.registerPath(routeOf(path, summary));
    app.post(path, async (c) => {
      const text = await withBody(c, { budget, bytesMax: bodyBytesMax }, (body) =>
        inTurn(() => transformed(textOf(body), transform)),
      );
      // Until it is sent: who asks and doesn't read must not fill the memory either.
      const release = budget.hold(text.length);
      const { outgoing }: Partial<HttpBindings> = c.env ?? {};
      if (outgoing && !outgoing.destroyed) outgoing.once('close', release);
      else release();
      return c.body(text, 200, { 'content-type': 'application/json' });
    });
  };
  add('/codec/decode', 'Unpack compressed payloads', compressionCodec.decode);
  add('/codec/encode', 'Compress large payloads', compressionCodec.encode);
}

/** Runs what it is given one after the other: at any time one request's payloads alone are being unpacked. */
function turns() {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => Promise<T>): Promise<T> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

async function transformed(body: string, transform: Transform): Promise<string> {
  const done: Payload[] = [];
  let bytes = 0;
  for (const payload of payloadsOf(parseJson(body))) {
    const [one] = await transform([payload]).catch(() => Promise.reject(notPayloads('holds data that is damaged')));
    if (one) done.push(one);
    bytes += one?.data?.length ?? 0;
    if (bytes > answerBytesMax) throw new CausewayError('body_too_large', 'The payloads are too large together.');
  }
  return JSON.stringify(payloadsProto.toObject(payloadsProto.fromObject({ payloads: done }), { bytes: String }));
}

function payloadsOf(body: unknown): Payload[] {
  if (typeof body !== 'object' || body === null) throw notPayloads('is not an object');
  try {
    return payloadsProto.fromObject(body).payloads;
  } catch {
    throw notPayloads('is not protobuf JSON of Payloads');
  }
}

const notPayloads = (problem: string): CausewayError =>
  new CausewayError('request_invalid', `The body ${problem}. Send {"payloads": [{"metadata": {…}, "data": "…"}]}.`);
