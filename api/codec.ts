import proto from '@temporalio/proto';
import type { Context } from 'hono';
import { cors } from 'hono/cors';
import { compressionCodec } from '../domain/compressionCodec.ts';
import { CausewayError } from '../domain/error.ts';
import type { App } from './appEnv.ts';

const payloadsProto = proto.temporal.api.common.v1.Payloads;
const loopbackOrigin = /^http:\/\/(127\.0\.0\.1|localhost|\[::1\]):\d+$/;

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
  app.post('/codec/decode', (c) => transformed(c, compressionCodec.decode));
  app.post('/codec/encode', (c) => transformed(c, compressionCodec.encode));
}

type Transform = typeof compressionCodec.encode;

async function transformed(c: Context, transform: Transform): Promise<Response> {
  const body: unknown = await c.req.json().catch(() => undefined);
  if (typeof body !== 'object' || body === null)
    throw new CausewayError('malformed_json', 'Send payloads as protobuf JSON.');
  const { payloads } = payloadsProto.fromObject(body);
  const done = payloadsProto.fromObject({ payloads: await transform(payloads) });
  return c.json(payloadsProto.toObject(done, { bytes: String }));
}
