/** What lanes do with dead letters that stand aside, in segments. Asks Temporal alone. */
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Block } from '../domain/block.ts';
import type { LetterNote } from '../domain/lettersAside.ts';
import { letterBlock, lettersIn } from '../domain/lettersAside.ts';
import { type SegmentsOfLane, segmentSignals, segmentWorkflowId } from '../domain/overflow.ts';
import { numbersIn } from '../domain/segmentRanges.ts';
import { beating } from './beating.ts';
import { blocksIn, isLost, tellSegment } from './segmentReading.ts';

export type LetterActivity = {
  findLetters(request: { of: SegmentsOfLane; digests: readonly string[] }): Promise<number[]>;
  readLetters(request: {
    segmentId: string;
    laneRunId: string;
    taken: string[];
    note: LetterNote;
    digests: readonly string[];
  }): Promise<Block>;
  tellSegments(request: { of: SegmentsOfLane; note: LetterNote; withIds: boolean }): Promise<string[]>;
};

/** What a segment's history says was done with dead letters in it. */
export type SaidOfLetters = LetterNote & { digests: readonly string[] | 'all' };

const heartbeatEveryMs = 3_000;
/** Segments that are read at the same time. */
const atOnce = 4;

export function createLetterActivities(
  temporal: Client,
  close: (segments: { taken: string[] }) => Promise<void>,
): LetterActivity {
  const idsIn = async (segmentId: string): Promise<string[]> =>
    (await blocksIn(temporal, segmentId)).flatMap(({ entries }) => entries.map(({ id }) => id));
  const say = (segmentId: string, said: SaidOfLetters): Promise<void> =>
    tellSegment(temporal, segmentId, said.kind === 'replay' ? segmentSignals.replayed : segmentSignals.discarded, said);
  return {
    findLetters: ({ of, digests }) =>
      beating(heartbeatEveryMs, async () => {
        const wanted = new Set(digests);
        const found = await eachOf(of, async (id, number) => {
          // One that can't be read holds none that could be sent: who asks for it by itself hears that it is gone.
          const ids = await idsIn(id).catch(unlessTransient);
          return ids.some((digest) => wanted.has(digest)) ? [number] : [];
        });
        return found.flat();
      }),
    async readLetters({ segmentId, laneRunId, taken, note, digests }) {
      await close({ taken });
      const letters = (await blocksIn(temporal, segmentId)).flatMap(lettersIn);
      if (letters.length === 0) {
        throw ApplicationFailure.nonRetryable(`Workflow ${segmentId} holds no dead letters.`, 'SEGMENT_UNREADABLE');
      }
      const here = new Set(letters.map(({ delivery }) => delivery.id));
      await say(segmentId, { ...note, digests: digests.filter((digest) => here.has(digest)) });
      // Before anyone can send them: so whoever looks for one of them finds the run.
      await tellSegment(temporal, segmentId, segmentSignals.read, laneRunId);
      return letterBlock(letters);
    },
    tellSegments: ({ of, note, withIds }) =>
      beating(heartbeatEveryMs, async () => {
        const ids = await eachOf(of, async (id) => {
          await say(id, { ...note, digests: 'all' });
          const own = withIds ? await idsIn(id).catch(unlessTransient) : [];
          if (note.kind === 'discard') await close({ taken: [id] });
          return own;
        });
        return ids.flat();
      }),
  };
}

/** Nothing, where a segment is gone for good. */
function unlessTransient(error: unknown): string[] {
  if (isLost(error)) return [];
  throw error;
}

/** What is found out of each segment, some at the same time, in their order. */
async function eachOf<Found>(
  { destinationId, lane, name, segments }: SegmentsOfLane,
  ask: (segmentId: string, number: number) => Promise<Found>,
): Promise<Found[]> {
  const numbers = numbersIn(segments);
  const found: Found[] = [];
  for (let at = 0; at < numbers.length; at += atOnce) {
    const some = numbers.slice(at, at + atOnce);
    found.push(...(await Promise.all(some.map((n) => ask(segmentWorkflowId(destinationId, lane, name, n), n)))));
  }
  return found;
}
