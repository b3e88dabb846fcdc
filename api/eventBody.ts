import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';

/**
 * The bodies that are being worked on may hold so much memory, in bytes, over all requests. What waits longer than this
 * process can read it is refused before it is read: docs/decisions/lane-gauge.md.
 */
const bodyBytesMax = 32 * 1024 * 1024;

/** Counts the bytes of what requests hold in memory. */
export class BodyBudget {
  private bytes = 0;

  constructor(private readonly bytesMax = bodyBytesMax) {}

  /** Takes room for so many bytes until what it answers is called. Throws `overloaded` where there is none. */
  hold(bytes: number): () => void {
    if (this.bytes + bytes > this.bytesMax) {
      throw new CausewayError(
        'overloaded',
        'More is being received than this process may hold. Send again after a second.',
      );
    }
    this.bytes += bytes;
    return () => {
      this.bytes -= bytes;
    };
  }

  /** Runs `work` with room for so many bytes. Throws `overloaded` where there is none. */
  async within<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const release = this.hold(bytes);
    try {
      return await work();
    } finally {
      release();
    }
  }
}

/** The body's size as its sender declares it, or the largest that is taken where the sender doesn't say. */
export const declaredBytes = (c: Context, bytesMax: number): number => {
  const declared = Number(c.req.header('content-length') ?? bytesMax);
  return Number.isSafeInteger(declared) && declared >= 0 ? Math.min(declared, bytesMax) : bytesMax;
};

/** The media type of the request, without parameters. Throws `content_type_unsupported` where it is none of `types`. */
export function mediaTypeOf(c: Context, types: readonly string[]): string {
  const given = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  const coding = c.req.header('content-encoding');
  if (coding !== undefined && coding !== 'identity') {
    throw new CausewayError(
      'content_type_unsupported',
      `content-encoding ${coding} is not taken; send the body as it is.`,
    );
  }
  if (given !== undefined && types.includes(given)) return given;
  const got = given === undefined ? 'there is none' : `it is ${given}`;
  throw new CausewayError('content_type_unsupported', `content-type must be ${types.join(' or ')}; ${got}.`);
}
