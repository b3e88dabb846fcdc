import { OpenAPIHono } from '@hono/zod-openapi';
import { expect, test } from 'vitest';
import type { ListedLane } from '../../activities/laneList.ts';
import type { AppEnv } from '../../api/appEnv.ts';
import { laneRoutes } from '../../api/lanes.ts';
import { SharedReads } from '../../api/sharedReads.ts';
import { destinationPaused } from '../../domain/lane.ts';
import { heldFor } from '../harness/heldLane.ts';
import { plainDestination } from '../harness/plainDestination.ts';

/** What is listed in a state of a destination with two suspended lanes, one held for a pause and one for a refused credential. */
async function listed(isPaused: boolean, state: 'Suspended' | 'Paused', withStatus: boolean): Promise<string[]> {
  const lanes = ['paused', 'refused'].map(
    (lane): ListedLane => ({
      ...{ workflowId: `delivery:dst_a:${lane}`, runId: 'r', destinationId: 'dst_a', lane },
      ...{ state: 'Suspended', deadLetters: 0, runStartedAt: new Date(0) },
    }),
  );
  const at = new Date(0);
  const stored = {
    ...plainDestination('dst_a', {}),
    createdAt: at,
    updatedAt: at,
    ...(isPaused && { paused: { at } }),
  };
  const app = new OpenAPIHono<AppEnv>();
  laneRoutes(app, {
    shared: new SharedReads(),
    destinations: { get: async () => stored as never }, // Only whether it is paused is looked at.
    list: async ({ states = [] }) => ({ lanes: lanes.filter((lane) => states.includes(lane.state)) }),
    lanes: { status: async (id) => heldFor(id.endsWith('paused') ? destinationPaused : 'SASL_AUTHENTICATION_FAILED') },
  });
  const answer = await app.request(`/v1/destinations/dst_a/lanes?state=${state}&withStatus=${withStatus}`);
  expect(answer.status).toBe(200);
  const page = (await answer.json()) as { lanes: { lane: string }[] };
  return page.lanes.map(({ lane }) => lane);
}

test('under a pause each lane is in one of the two lists, by what itself says it is held for', async () => {
  expect(await listed(true, 'Paused', true)).toEqual(['paused']);
  expect(await listed(true, 'Suspended', true)).toEqual(['refused']);
  expect(await listed(true, 'Paused', false)).toEqual(['paused', 'refused']);
  expect(await listed(true, 'Suspended', false)).toEqual([]);
});

test('lanes of a destination that was just resumed are listed as suspended until they go on, asked themselves or not', async () => {
  for (const withStatus of [true, false]) {
    expect(await listed(false, 'Suspended', withStatus)).toEqual(['paused', 'refused']);
    expect(await listed(false, 'Paused', withStatus)).toEqual([]);
  }
});
