import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { CausewayError } from '../domain/error.ts';
import { refuseCoding } from './eventBody.ts';
import { textOf } from './readEvent.ts';

/**
 * Refuses larger bodies with `body_too_large`, before they are read where they say how large they are; compressed ones with `content_type_unsupported`;
 * and what is not UTF-8 with `malformed_json`: read as it comes, half of a password would be replacement characters. For small bodies: what it reads is
 * not counted.
 */
export const limitBody = (bytesMax: number): MiddlewareHandler => {
  const tooLarge = (): CausewayError =>
    new CausewayError('body_too_large', `The body may have at most ${bytesMax} bytes.`);
  const counted = bodyLimit({
    maxSize: bytesMax,
    onError: () => {
      throw tooLarge();
    },
  });
  return async (c, next) => {
    refuseCoding(c);
    const checked = async (): Promise<void> => {
      await refuseUnreadable(c);
      await next();
    };
    const declared = c.req.header('content-length');
    if (declared === undefined || c.req.header('transfer-encoding') !== undefined) return counted(c, checked);
    if (Number(declared) > bytesMax) throw tooLarge();
    return checked();
  };
};

/** Hono keeps what was read for whoever reads the body next. */
async function refuseUnreadable(c: Context): Promise<void> {
  textOf(new Uint8Array(await c.req.arrayBuffer()));
}
