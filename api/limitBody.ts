import type { MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { CausewayError } from '../domain/error.ts';

/** Refuses larger bodies with `body_too_large`, before they are read where they say how large they are. For small bodies: what it reads is not counted. */
export const limitBody = (bytesMax: number): MiddlewareHandler => {
  const tooLarge = (): CausewayError =>
    new CausewayError('body_too_large', `The body may have at most ${bytesMax} bytes.`);
  const counted = bodyLimit({
    maxSize: bytesMax,
    onError: () => {
      throw tooLarge();
    },
  });
  return (c, next) => {
    const declared = c.req.header('content-length');
    if (declared === undefined || c.req.header('transfer-encoding') !== undefined) return counted(c, next);
    if (Number(declared) > bytesMax) throw tooLarge();
    return next();
  };
};
