/** A hundred thousand dead letters, in lanes that are begun with them: listed page by page, counted, and given up. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from '@temporalio/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inGroups } from '../../activities/inGroups.ts';
import type { Failed } from '../../domain/attempt.ts';
import { carried } from '../../domain/carriedLane.ts';
import type { DeadLetter } from '../../domain/deadLetters.ts';
import { defaultLaneLimits, type LaneStart, laneWorkflowId, laneWorkflowType } from '../../domain/lane.ts';
import { newLaneState } from '../../domain/laneState.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { idOf } from '../harness/laneSteps.ts';
import { beginReplay, replayed } from '../harness/replays.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

const lanes = 50;
const lettersOfLane = 2_000;
const letters = lanes * lettersOfLane;
const lanesAtOnce = 5;

let causeway: Causeway;
let temporal: TestTemporal;
let destination: CreatedDestination;
beforeAll(async () => {
  causeway = await startCauseway();
  temporal = await testTemporal(causeway);
  destination = await causeway.createDestination({ partitionKey: 'payload.key', ordering: { lanes: 'key' } });
  await inGroups([...Array(lanes).keys()], lanesAtOnce, beginLane);
  const listed = async () => (await temporal.client.workflow.count(ofLanes())).count;
  await until('all lanes are listed', listed, (count) => count === lanes, 60_000);
});
afterAll(async () => {
  await inGroups([...Array(lanes).keys()], lanesAtOnce, (n) =>
    temporal.client.workflow
      .getHandle(workflowIdOf(n))
      .terminate()
      .catch(() => undefined),
  );
  await temporal?.stop();
  await causeway?.stop();
});

const workflowIdOf = (n: number): string => laneWorkflowId(destination.id, `k${n}`);
const ofLanes = (): string => `DestinationId = "${destination.id}" AND DeadLetters > 0 AND ExecutionStatus = "Running"`;
const errorOf = (n: number): Failed => ({
  ...{
    kind: 'recordAtFault',
    message: 'The record is too large.',
    remedy: "Raise the topic's max.message.bytes; replay.",
  },
  name: n % 100 === 0 ? 'INVALID_RECORD' : 'MESSAGE_TOO_LARGE',
});

/** As a lane goes on in its next run, whose dead letters have their bodies in a holder: nothing that is asked here reads one. */
async function beginLane(n: number): Promise<void> {
  const { id: destinationId, customerExternalId } = destination;
  const start: LaneStart = { destinationId, customerExternalId, lane: `k${n}`, limits: defaultLaneLimits };
  const deadLetters = Array.from({ length: lettersOfLane }, (_, at): DeadLetter => {
    const id = idOf(n * lettersOfLane + at);
    return {
      delivery: { id, key: `k${n}`, length: 600, body: { holder: 0, at } },
      parkedAtMs: 1_000 + at,
      error: errorOf(at),
    };
  });
  const holders = [{ number: 0, runId: randomUUID() }];
  const state = { ...newLaneState(defaultLaneLimits), deadLetters, holders };
  await temporal.client.workflow.start(laneWorkflowType, {
    ...{ workflowId: workflowIdOf(n), taskQueue: causeway.temporal.taskQueue },
    args: [start, ...carried(state, Date.now())],
    typedSearchAttributes: new TypedSearchAttributes([
      { key: defineSearchAttributeKey('DestinationId', SearchAttributeType.KEYWORD), value: destinationId },
      { key: defineSearchAttributeKey('CustomerExternalId', SearchAttributeType.KEYWORD), value: customerExternalId },
      { key: defineSearchAttributeKey('DeliveryState', SearchAttributeType.KEYWORD), value: 'Parked' },
      { key: defineSearchAttributeKey('DeadLetters', SearchAttributeType.INT), value: lettersOfLane },
    ]),
  });
}

type Page = { deadLetters: { eventId: string }[]; unanswered: unknown[]; nextCursor?: string };
async function pageOf(query: string, cursor?: string): Promise<{ page: Page; bytes: number; ms: number }> {
  const startMs = performance.now();
  const after = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
  const { status, text, body } = await causeway.api.get(`/v1/dead-letters?${query}${after}`);
  expect(status, text.slice(0, 500)).toBe(200);
  return { page: body as Page, bytes: text.length, ms: performance.now() - startMs };
}
const memoryMiB = async (): Promise<number> => {
  const status = await readFile(`/proc/${causeway.apiProcess.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024;
};

test('the first page of a hundred thousand dead letters is there soon, and is as long as was asked for', async () => {
  await pageOf('limit=50'); // Lanes are in nobody's memory yet.
  const { page, bytes, ms } = await pageOf(`limit=50&customerExternalId=${destination.customerExternalId}`);
  expect([page.deadLetters.length, page.unanswered]).toEqual([50, []]);
  expect(bytes).toBeLessThan(50 * 700);
  expect(ms).toBeLessThan(2_000);
  console.info(`A page of 50: ${Math.round(ms)} ms, ${bytes} bytes.`);
});

test('page by page all of them are seen, each once, to the end, with answers and memory bounded', async () => {
  const ids = new Set<string>();
  const startMs = performance.now();
  const before = await memoryMiB();
  let most = 0;
  let cursor: string | undefined;
  let pages = 0;
  let seen = 0;
  do {
    const { page, bytes } = await pageOf('limit=1000', cursor);
    for (const { eventId } of page.deadLetters) ids.add(eventId);
    seen += page.deadLetters.length;
    expect([page.deadLetters.length <= 1_000, bytes < 1_000 * 700, page.unanswered]).toEqual([true, true, []]);
    most = Math.max(most, await memoryMiB());
    cursor = page.nextCursor;
    pages++;
  } while (cursor !== undefined);
  expect([seen, ids.size]).toEqual([letters, letters]);
  expect(most - before).toBeLessThan(300);
  const seconds = Math.round((performance.now() - startMs) / 100) / 10;
  expect(seconds).toBeLessThan(60);
  console.info(
    `${pages} pages of 1,000: ${seconds} s; the API's memory ${Math.round(before)} to ${Math.round(most)} MiB.`,
  );
});

test('all of them, and those of one error, are counted and given up in the background', async () => {
  const { id: destinationId, customerExternalId } = destination;
  const startMs = performance.now();
  const count = async (body: object) =>
    await replayed(causeway.api, await beginReplay(causeway.api, { ...body, dryRun: true }));
  expect(await count({ customerExternalId })).toMatchObject({ status: 'done', events: letters, lanes, unanswered: 0 });
  const invalid = { destinationId, error: 'INVALID_RECORD' };
  expect(await count(invalid)).toMatchObject({ status: 'done', events: letters / 100, lanes });
  const discard = { action: 'discard', customerExternalId, error: 'MESSAGE_TOO_LARGE', eventsPerSecond: 10_000 };
  const wanted = letters - letters / 100;
  const done = await replayed(causeway.api, await beginReplay(causeway.api, { ...discard, eventsMax: wanted }));
  expect(done).toMatchObject({ status: 'done', events: wanted, total: wanted, lanes, unanswered: 0 });
  expect(await count({ customerExternalId })).toMatchObject({ status: 'done', events: letters / 100, lanes });
  console.info(`Counted and given up: ${Math.round((performance.now() - startMs) / 100) / 10} s.`);
});
