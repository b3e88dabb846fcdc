import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';

/**
 * The bodies that are being worked on may hold so much memory, in bytes, over all requests. What waits longer than this
 * process can read it is refused before it is read: docs/decisions/lane-gauge.md.
 */
const bodyBytesMax = 32 * 1024 * 1024;

/** A body of which so much is declared has its room from the start, in bytes; of a larger one what has arrived counts. */
const heldWholeMax = 256 * 1024;

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
  turn?: () => Promise<void>;
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
  { budget, bytesMax, turn }: BodyReading,
  work: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const declared = declaredBytes(c);
  if (declared !== undefined && declared > bytesMax) throw tooLarge(bytesMax);
  budget.check(declared ?? 0);
  const releases: (() => void)[] = [];
  try {
    const isWhole = declared !== undefined && declared <= heldWholeMax;
    if (isWhole) releases.push(budget.hold(declared));
    await turn?.();
    if (isWhole) return await work(new Uint8Array(await c.req.arrayBuffer()));
    const arrived = (bytes: number, all: number): void => {
      if (all > bytesMax) throw tooLarge(bytesMax);
      releases.push(budget.hold(bytes));
    };
    return await work(await counted(c.req.raw.body, arrived));
  } finally {
    for (const release of releases) release();
  }
}

/** Undefined where the sender doesn't say. */
function declaredBytes(c: Context): number | undefined {
  const declared = Number(c.req.header('content-length') ?? Number.NaN);
  const isDeclared = Number.isSafeInteger(declared) && declared >= 0 && c.req.header('transfer-encoding') === undefined;
  return isDeclared ? declared : undefined;
}

async function counted(
  body: ReadableStream<Uint8Array> | null,
  arrived: (bytes: number, all: number) => void,
): Promise<Uint8Array> {
  const reader = body?.getReader();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      bytes += next.value.length;
      arrived(next.value.length, bytes);
      chunks.push(next.value);
    }
  } catch (error) {
    // What is still on its way is read and thrown away: a connection that is closed on it may lose the answer.
    void rest(reader);
    throw error;
  }
  return Buffer.concat(chunks, bytes);
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
