import type { HttpBindings } from '@hono/node-server';
import { createRoute, z } from '@hono/zod-openapi';
import type { Payload, PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { MiddlewareHandler } from 'hono';
import { compressionCodec } from '../domain/compressionCodec.ts';
import { encryptionCodec, isKeyError } from '../domain/encryptionCodec.ts';
import { CausewayError } from '../domain/error.ts';
import type { Scope } from '../domain/scope.ts';
import { noPayloadKeys, type PayloadKeys } from '../domain/secretKeys.ts';
import type { App, AppEnv } from './appEnv.ts';
import type { FindApiKey } from './authenticate.ts';
import { codecAccess, codecCors } from './codecAccess.ts';
import { codecSignIn } from './codecSignIn.ts';
import { BodyBudget, withBody } from './eventBody.ts';
import { rateLimit } from './rateLimit.ts';
import { parseJson, textOf } from './readEvent.ts';
import { problemResponses } from './schemas/problem.ts';
import { needs } from './scopes.ts';

const payloadsProto = proto.temporal.api.common.v1.Payloads;
/** The endpoint may be open, and little that is compressed may become much: bounds for one request, and for all of them. */
const bodyBytesMax = 8 * 1024 * 1024;
const answerBytesMax = 16 * 1024 * 1024;
const allBytesMax = 64 * 1024 * 1024;

const payloadsSchema = z
  .object({
    payloads: z
      .array(
        z.object({
          metadata: z.record(z.string(), z.string()).optional().openapi({ description: 'Each value in base64.' }),
          data: z.string().optional().openapi({ description: 'Base64.' }),
        }),
      )
      .optional(), // Protobuf JSON leaves a list out that is empty.
  })
  .openapi('Payloads', {
    description: "Protobuf JSON of Temporal's `Payloads`.",
    example: { payloads: [{ metadata: { encoding: 'anNvbi9wbGFpbg==' }, data: 'eyJhIjoxfQ==' }] },
  });

const content = { 'application/json': { schema: payloadsSchema } };
const routeOf = (path: string, summary: string, scope: Scope | undefined) =>
  createRoute({
    method: 'post',
    path,
    tags: ['Operations'],
    summary,
    description:
      'For the Temporal UI and CLI (`--codec-endpoint`). It shows nothing but what it is given. Where payloads are encrypted it needs an API key: `--codec-header "Authorization=Bearer …"`.',
    security: scope === undefined ? [] : needs(scope),
    request: { body: { required: true, content } },
    responses: {
      200: { description: 'The payloads.', content },
      ...(scope === undefined ? problemResponses(400, 413, 503) : problemResponses(400, 401, 403, 413, 429, 503)),
    },
  });

type Transform = (payloads: Payload[]) => Promise<Payload[]>;

export type CodecOptions = {
  keys: PayloadKeys;
  findApiKey: FindApiKey;
  /** Of Temporal's UI. */
  origins?: readonly string[] | undefined;
};

/**
 * The codec endpoint of the Temporal UI and CLI: shows payloads that are compressed, and encrypted. It reads nothing but what it is given, so
 * it needs no API key as long as there are no payload keys. Its protocol: protobuf JSON of `Payloads` in and out (Temporal docs, "Remote data encoding").
 */
export function codecRoutes(app: App, { keys, findApiKey, origins }: CodecOptions): void {
  const isProtected = keys !== noPayloadKeys;
  app.use('/codec/*', codecCors(origins));
  if (isProtected) codecSignIn(app, findApiKey);
  const limited = rateLimit();
  const budget = new BodyBudget(allBytesMax);
  const inTurn = turns();
  const open: MiddlewareHandler<AppEnv> = (_, next) => next();
  const add = (path: string, summary: string, scope: Scope, transform: Transform): void => {
    app.openAPIRegistry.registerPath(routeOf(path, summary, isProtected ? scope : undefined));
    const access = isProtected ? codecAccess(findApiKey, scope) : open;
    app.post(path, access, isProtected ? limited : open, async (c) => {
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
  const { encode, decode } = wholeCodec(keys);
  add('/codec/decode', 'Decrypt and unpack payloads', 'read', decode);
  // What it encodes a lane takes for one of ours.
  add('/codec/encode', 'Compress and encrypt payloads', 'manage', encode);
}

/** Both codecs, as our processes have them one after the other, but that what is damaged is refused. */
function wholeCodec(keys: PayloadKeys): PayloadCodec {
  const encryption = encryptionCodec(keys);
  return {
    encode: async (payloads) => encryption.encode(await compressionCodec.encode(payloads)),
    decode: async (payloads) => compressionCodec.decode(await encryption.decode(payloads)),
  };
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
    const [one] = await transform([payload]).catch((error) =>
      Promise.reject(isKeyError(error) ? error : notPayloads('holds data that is damaged')),
    );
    if (one) done.push(one);
    bytes += one?.data?.length ?? 0;
    if (bytes > answerBytesMax) throw new CausewayError('body_too_large', 'The payloads are too large together.');
  }
  return JSON.stringify(payloadsProto.toObject(payloadsProto.fromObject({ payloads: done }), { bytes: String }));
}

function payloadsOf(body: unknown): Payload[] {
  // Protobuf's own reader takes much for nothing at all.
  const { success, data } = payloadsSchema.safeParse(body);
  if (!success) throw notPayloads('is not protobuf JSON of Payloads');
  try {
    return payloadsProto.fromObject(data).payloads;
  } catch {
    throw notPayloads('is not protobuf JSON of Payloads');
  }
}

const notPayloads = (problem: string): CausewayError =>
  new CausewayError('request_invalid', `The body ${problem}. Send {"payloads": [{"metadata": {…}, "data": "…"}]}.`);
