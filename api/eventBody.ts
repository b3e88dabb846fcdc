import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';

/**
 * The bodies that are being worked on may hold so much memory, in bytes, over all requests. What waits longer than this
 * process can read it is refused before it is read: docs/decisions/lane-gauge.md.
 */
const bodyBytesMax = 32 * 1024 * 1024;

/** A body of which so much is declared has its room from the start, in bytes; of a larger one what has arrived counts, up to twice. */
const heldWholeMax = 256 * 1024;

/** Of a larger one, or one of no declared size, so much room is taken with the first byte. */
const smallestPiece = 4 * 1024;

/** Counts the bytes of what requests hold in memory. */
export class BodyBudget {
  private bytes = 0;

  constructor(private readonly bytesMax = bodyBytesMax) {}

  /** Throws `overloaded` where there is no room for so many bytes now. */
  check(bytes: number): void {
    if (this.bytes + bytes <= this.bytesMax) return;
    const remedy = 'More is being received than this process may hold. Send again after a second.';
    throw new CausewayError('overloaded', remedy);
  }

  /** Takes room for so many bytes until what it answers is called. Throws `overloaded` where there is none. */
  hold(bytes: number): () => void {
    this.check(bytes);
    this.bytes += bytes;
    return () => {
      this.bytes -= bytes;
    };
  }
}

export type BodyReading = {
  budget: BodyBudget;
  bytesMax: number;
  /** Is awaited before anything is read. */
  readTurn?: () => Promise<void>;
  /** Is awaited when the body is there: a sender decides when that is, so many may be at once. */
  workTurn?: () => Promise<void>;
};

/**
 * Reads a request's body, and has room for it until `work` is over. Throws `body_too_large`, and `overloaded` where there is no room:
 * before anything is read where the sender says how much it is. A sender that says much, or nothing, and stalls holds what it sent.
 *
 * A body whose size is declared is not counted here, for Node holds the sender to it: to look at each one's stream halved the rate of
 * single POSTs (6,900 against 3,100 a second on 2 cores, `npm run bench -- --only c`).
 */
export async function withBody<T>(
  c: Context,
  { budget, bytesMax, readTurn, workTurn }: BodyReading,
  work: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const declared = declaredBytes(c);
  if (declared !== undefined && declared > bytesMax) throw tooLarge(bytesMax);
  budget.check(declared ?? 0);
  const isWhole = declared !== undefined && declared <= heldWholeMax;
  const growing = new GrowingBody(budget, bytesMax);
  const release = isWhole ? budget.hold(declared) : () => growing.release();
  try {
    await readTurn?.();
    const body = isWhole ? new Uint8Array(await c.req.arrayBuffer()) : await readInto(growing, c.req.raw.body);
    await workTurn?.();
    return await work(body);
  } finally {
    release();
  }
}

/** Undefined where the sender doesn't say. */
function declaredBytes(c: Context): number | undefined {
  const declared = Number(c.req.header('content-length') ?? Number.NaN);
  const isDeclared = Number.isSafeInteger(declared) && declared >= 0 && c.req.header('transfer-encoding') === undefined;
  return isDeclared ? declared : undefined;
}

/**
 * What has arrived of a body, in one piece that doubles when it is full, and the room that it takes. The pieces as they came may be
 * of a byte each, and an object each: 5 MiB of those took 785 MiB.
 */
class GrowingBody {
  private piece = new Uint8Array(0);
  private bytes = 0;
  private releasePiece: (() => void) | undefined;

  constructor(
    private readonly budget: BodyBudget,
    private readonly bytesMax: number,
  ) {}

  add(chunk: Uint8Array): void {
    const bytes = this.bytes + chunk.length;
    if (bytes > this.bytesMax) throw tooLarge(this.bytesMax);
    if (bytes > this.piece.length) this.grow(bytes);
    this.piece.set(chunk, this.bytes);
    this.bytes = bytes;
  }

  all(): Uint8Array {
    return this.piece.subarray(0, this.bytes);
  }

  release(): void {
    this.releasePiece?.();
    this.releasePiece = undefined;
  }

  private grow(bytes: number): void {
    const capacity = Math.min(this.bytesMax, Math.max(bytes, 2 * this.piece.length, smallestPiece));
    // Both are held while one is copied into the other.
    const releaseNew = this.budget.hold(capacity);
    const piece = new Uint8Array(capacity);
    piece.set(this.all());
    this.release();
    this.piece = piece;
    this.releasePiece = releaseNew;
  }
}

async function readInto(growing: GrowingBody, body: ReadableStream<Uint8Array> | null): Promise<Uint8Array> {
  const reader = body?.getReader();
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) growing.add(next.value);
  } catch (error) {
    // What is still on its way is read and thrown away: a connection that is closed on it may lose the answer.
    void rest(reader);
    throw error;
  }
  return growing.all();
}

/** The server closes the connection of one that goes on for too long. */
async function rest(reader: ReadableStreamDefaultReader<Uint8Array> | undefined): Promise<void> {
  try {
    while ((await reader?.read())?.done === false);
  } catch {
    // The sender has gone.
  }
}

const tooLarge = (bytesMax: number): CausewayError =>
  new CausewayError('body_too_large', `The body may have at most ${bytesMax} bytes.`);

/** The media type of the request, without parameters. Throws `content_type_unsupported` where it is none of `types`, or as {@link refuseCoding}. */
export function mediaTypeOf(c: Context, types: readonly string[]): string {
  refuseCoding(c);
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type && types.includes(type)) return type;
  const got = type ? `it is ${type}` : 'there is none';
  throw new CausewayError('content_type_unsupported', `content-type must be ${types.join(' or ')}; ${got}.`);
}

/**
 * Throws `content_type_unsupported` for a body that is compressed, or says that it is in another charset than UTF-8: read as UTF-8 it might be another
 * text.
 */
export function refuseCoding(c: Context): void {
  const coding = c.req.header('content-encoding');
  if (coding !== undefined && coding.toLowerCase() !== 'identity') {
    throw new CausewayError(
      'content_type_unsupported',
      `content-encoding ${coding} is not taken; send the body as it is.`,
    );
  }
  const charset = /;\s*charset\s*=([^;]*)/i.exec(c.req.header('content-type') ?? '')?.[1]?.trim();
  if (charset === undefined || /^"?utf-?8"?$/i.test(charset)) return;
  throw new CausewayError('content_type_unsupported', `charset ${charset} is not taken; send UTF-8.`);
}
