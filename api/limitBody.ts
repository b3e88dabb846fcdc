import { bodyLimit } from 'hono/body-limit';
import { CausewayError } from '../domain/error.ts';

/** Refuses larger bodies with `body_too_large`, before they are read where they say how large they are. */
export const limitBody = (bytesMax: number) =>
  bodyLimit({
    maxSize: bytesMax,
    onError: () => {
      throw new CausewayError('body_too_large', `The body may have at most ${bytesMax} bytes.`);
    },
  });
