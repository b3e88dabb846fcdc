import { OpenAPIHono } from '@hono/zod-openapi';
import { expect, test } from 'vitest';
import type { ListedLane } from '../../activities/laneList.ts';
import type { AppEnv } from '../../api/appEnv.ts';
import { deadLetterRoutes } from '../../api/deadLetters.ts';
import { cursorOf } from '../../api/listCursor.ts';
import { SharedReads } from '../../api/sharedReads.ts';
import { CausewayError } from '../../domain/error.ts';
import type { ParkedEvent } from '../../domain/laneMessages.ts';

type Lane = { name: string; startedAtMs: number; letters: string[] };
type Page = { deadLetters: ParkedEvent[]; nextCursor?: string };

/** Lanes as visibility lists them, the newest run first, in pages of as many as are asked for. */
function worldOf(lanes: Lane[]) {
  const app = new OpenAPIHono<AppEnv>();
  app.onError((error, c) => c.json({ code: error instanceof CausewayError ? error.code : String(error) }, 400));
  const listed = ({ name, startedAtMs, letters }: Lane): ListedLane => ({
    ...{ workflowId: `delivery:dst_x:${name}`, runId: 'r', destinationId: 'dst_x', lane: name, state: 'Parked' },
    ...{ deadLetters: letters.length, runStartedAt: new Date(startedAtMs) },
  });
  const parked = (eventId: string): ParkedEvent => ({
    ...{ eventId, partitionKey: 'k', bytes: 1, parkedAt: '2026-01-15T09:30:00.000Z' },
    error: { name: 'MESSAGE_TOO_LARGE', kind: 'recordAtFault', message: 'It is too large.', remedy: 'Replay.' },
  });
  deadLetterRoutes(app, {
    destinations: { get: async () => undefined },
    // The token is the start of the last run of the page before, as it is in Temporal's own.
    list: async ({ lanesMax, token }) => {
      const holding = lanes
        .filter(({ letters }) => letters.length > 0)
        .toSorted((a, b) => b.startedAtMs - a.startedAtMs)
        .filter(({ startedAtMs }) => token === undefined || startedAtMs < Number(token));
      const page = holding.slice(0, lanesMax);
      const isLast = page.length === holding.length;
      return { lanes: page.map(listed), token: isLast ? undefined : String(page.at(-1)?.startedAtMs) };
    },
    shared: new SharedReads(),
    lanes: {
      deadLetters: async (workflowId) =>
        lanes.find(({ name }) => workflowId.endsWith(`:${name}`))?.letters.map(parked) ?? 'gone',
    },
  });
  const answer = async (query: string) => await app.request(`/v1/dead-letters?${query}`);
  const pageOf = async (limit: number, cursor?: string): Promise<{ ids: string[]; next: string | undefined }> => {
    const response = await answer(`limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`);
    expect(response.status).toBe(200);
    const { deadLetters, nextCursor } = (await response.json()) as Page; // As the route's schema has it.
    return { ids: deadLetters.map(({ eventId }) => eventId), next: nextCursor };
  };
  const restOf = async (limit: number, cursor: string | undefined): Promise<string[]> => {
    const ids: string[] = [];
    for (let next = cursor; next !== undefined; ) {
      const page = await pageOf(limit, next);
      ids.push(...page.ids);
      next = page.next;
    }
    return ids;
  };
  return { answer, pageOf, restOf };
}

const laneOf = (name: string, startedAtMs: number, letters = 3): Lane => ({
  ...{ name, startedAtMs },
  letters: Array.from({ length: letters }, (_, n) => `${name}${n}`),
});

test('a page whose lane was emptied meanwhile goes on with the next lane, and shows no letter of the page before again', async () => {
  for (const limit of [3, 4]) {
    const lanes = [laneOf('a', 30_000), laneOf('b', 20_000), laneOf('c', 10_000)];
    const { pageOf, restOf } = worldOf(lanes);
    const first = await pageOf(limit);
    expect(first.ids).toHaveLength(limit);
    lanes.splice(1, 1);
    expect(await restOf(limit, first.next)).toEqual(['c0', 'c1', 'c2']);
  }
});

test('a page of which nothing is left is empty, and the last', async () => {
  const lanes = [laneOf('a', 20_000), laneOf('b', 10_000)];
  const { pageOf } = worldOf(lanes);
  const { next } = await pageOf(4);
  lanes.pop();
  expect(await pageOf(4, next)).toEqual({ ids: [], next: undefined });
});

test('the rest of a lane that has gone on in a new run comes first, however few are asked for, and then what is older', async () => {
  const lanes = [laneOf('a', 30_000), laneOf('b', 20_000, 5), laneOf('c', 10_000)];
  const { pageOf, restOf } = worldOf(lanes);
  const { ids, next } = await pageOf(4);
  expect(ids).toEqual(['a0', 'a1', 'a2', 'b0']);
  lanes[1] = laneOf('b', 40_000, 5);
  expect(await restOf(2, next)).toEqual(['b1', 'b2', 'b3', 'b4', 'c0', 'c1', 'c2']);
});

test('a place that newer lanes have pushed off its page of lanes is found on the next one, with what was passed of it', async () => {
  const lanes = Array.from({ length: 20 }, (_, n) => laneOf(`l${n}-`, 100_000 - n * 1_000, 1));
  lanes.push(laneOf('b', 50_000), laneOf('c', 40_000, 1));
  const { pageOf, restOf } = worldOf(lanes);
  const first = await pageOf(20);
  const second = await pageOf(2, first.next);
  expect(second.ids).toEqual(['b0', 'b1']);
  lanes.push(...Array.from({ length: 25 }, (_, n) => laneOf(`n${n}-`, 95_500 + n, 1)));
  expect(await restOf(20, second.next)).toEqual(['b2', 'c0']);
  const whole = worldOf([laneOf('a', 30_000, 1), laneOf('b', 20_000), laneOf('c', 10_000, 1)]);
  const begun = await whole.pageOf(2);
  expect(begun.ids).toEqual(['a0', 'b0']);
  const pushed = worldOf([
    ...Array.from({ length: 25 }, (_, n) => laneOf(`n${n}-`, 40_000 + n, 1)),
    ...[laneOf('a', 30_000, 1), laneOf('b', 20_000), laneOf('c', 10_000, 1)],
  ]);
  expect(await pushed.restOf(20, begun.next)).toEqual(['b1', 'b2', 'c0']);
});

test('a cursor of a version before leads on where its lane is listed, and is refused where it is not', async () => {
  const lanes = [laneOf('a', 30_000), laneOf('b', 20_000), laneOf('c', 10_000)];
  const { answer, pageOf } = worldOf(lanes);
  const { next = '' } = await pageOf(4);
  const [list, ...place]: [string, ...(string | number)[]] = JSON.parse(Buffer.from(next, 'base64url').toString());
  const old = cursorOf(list, place.slice(0, 4));
  expect((await pageOf(4, old)).ids).toEqual(['b1', 'b2', 'c0', 'c1']);
  lanes.splice(1, 1);
  const refused = await answer(`limit=4&cursor=${old}`);
  expect([refused.status, await refused.json()]).toEqual([400, { code: 'cursor_invalid' }]);
});
