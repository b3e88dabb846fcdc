import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { laneWorkflowId } from '../../domain/lane.ts';
import { type Causeway, type CreatedDestination, startCauseway, until } from '../harness/causeway.ts';
import { type Ran, type RunOptions, causeway as run } from '../harness/cli.ts';
import { postEvent, untilDelivery } from '../harness/eventLog.ts';
import { sendUntilAccepted } from '../harness/load.ts';
import { operate, type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
let destination: CreatedDestination;
let lane: string;
beforeAll(async () => {
  // Short runs: some events, and the lane continues as new.
  causeway = await startCauseway({ apiEnv: { CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50' } });
  temporal = await testTemporal(causeway);
  const topic = await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' });
  destination = await causeway.createDestination({ topic });
  lane = destination.customerExternalId;
});
afterAll(async () => {
  await temporal?.stop();
  await causeway.stop();
});

type Entry = { id: string; at: string; kind: string; events?: number; landed?: { firstOffset?: number }[] };
type Page = { entries: Entry[]; nextCursor?: string; deletedBefore?: string };

const cli = (args: string[], options?: RunOptions): Promise<Ran> => run(causeway.api, args, options);
const laneLog = (...more: string[]): Promise<Ran> => cli(['log', destination.id, '--lane', lane, ...more]);
async function pageOf(query = ''): Promise<Page> {
  const { status, text, body } = await causeway.api.get(
    `/v1/destinations/${destination.id}/lane-log?lane=${lane}${query}`,
  );
  expect(status, text).toBe(200);
  return body as Page;
}
/** Posts an event, and waits until it is settled so. */
async function settle(status: string, pad = ''): Promise<string> {
  const { customerExternalId } = destination;
  const id = await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload: { pad } });
  await untilDelivery(status, causeway.api, id, (delivery) => delivery.status === status);
  return id;
}
const currentRun = async (): Promise<string> =>
  (await temporal.client.workflow.getHandle(laneWorkflowId(destination.id, lane)).describe()).runId;

test("a lane's log tells what came, each attempt, where it landed, what was parked, and what people did", async () => {
  await settle('delivered');
  const parked = await settle('parked', 'x'.repeat(5_000));
  await cli(['pause', destination.id, '--lane', lane, '--reason', 'they move', '--by', 'ada']);
  await cli(['resume', destination.id, '--lane', lane, '--by', 'bob']);
  const signal = (...args: string[]) =>
    operate(causeway, 'workflow', 'signal', '--workflow-id', laneWorkflowId(destination.id, lane), ...args);
  await signal('--name', 'repaly');
  await signal('--name', 'discard', '--input', `{"id": ["${parked}"]}`);
  await cli(['discard', destination.id, parked, '--yes', '--reason', 'a test event', '--by', 'eve']);
  const { out } = await until('the discard', laneLog, (log) => log.out.includes('a test event'));
  const told = out.split('\n').map((line) => line.replace(/^\S+ \S+ {2}/, ''));
  const expected = [
    /^the lane begins$/,
    /^accepted 1 event$/,
    /^attempt 1, 1 event: delivered after \d+ ms \(broker .+\)$/,
    /^1 event delivered: partition 0, offset 0$/,
    /^accepted 1 event$/,
    /^attempt 1, 1 event: failed after \d+ ms \(broker .+\): MESSAGE_TOO_LARGE: /,
    new RegExp(`^${parked} is parked: MESSAGE_TOO_LARGE: `),
    /^pause by ada \(CAUSEWAY_API_KEY\): they move$/,
    /^resume by bob \(CAUSEWAY_API_KEY\)$/,
    /^a signal that changed nothing, for its name or its input by .+: repaly$/,
    /^a signal that changed nothing, for its name or its input by .+: discard$/,
    /^discard of 1 event by eve \(CAUSEWAY_API_KEY\): a test event$/,
  ];
  for (const [n, line] of expected.entries()) expect(told[n]).toMatch(line);
});

test('it goes on over runs and a reset, page by page, each entry once, and says what Temporal has deleted', async () => {
  const first = await currentRun();
  const runs = new Set<string>();
  let events = 0;
  while (runs.size < 3 && events < 200) {
    await settle('delivered');
    events++;
    runs.add(await currentRun());
  }
  const workflowId = laneWorkflowId(destination.id, lane);
  const reset = ['workflow', 'reset', '--workflow-id', workflowId, '--run-id', first, '--event-id', '5'];
  await operate(causeway, ...reset, '--reason', 'to see the log');
  await settle('delivered');
  const whole = await until(
    'the runs that the reset took back to be listed',
    () => pageOf('&limit=1000'),
    ({ entries }) => entries.filter(({ kind }) => kind === 'delivered').length >= events + 2,
  );
  const kinds = whole.entries.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'continued').length).toBeGreaterThanOrEqual(2);
  expect([kinds.at(-1), kinds.filter((kind) => kind === 'reset').length]).toEqual(['began', 1]);

  const paged: Entry[] = [];
  for (let query = '&limit=7'; ; ) {
    const page = await pageOf(query);
    paged.push(...page.entries);
    if (page.nextCursor === undefined) break;
    expect(page.entries).toHaveLength(7);
    query = `&limit=7&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
  expect(paged).toEqual(whole.entries);
  expect(new Set(paged.map(({ id }) => id)).size).toBe(paged.length);
  expect((await laneLog('--limit', '2')).err).toContain('2 entries, and earlier ones');

  // As retention does, only sooner: Temporal gets to it when it does, and may have to be asked again.
  const workflowExecution = { workflowId, runId: first };
  const { workflowService } = temporal.client;
  const { namespace } = causeway.temporal;
  const shorter = await until(
    'the first run to be deleted',
    async () => {
      await workflowService.deleteWorkflowExecution({ namespace, workflowExecution }).catch(() => undefined);
      return await pageOf('&limit=1000');
    },
    ({ deletedBefore }) => deletedBefore !== undefined,
    90_000,
  );
  expect(shorter.entries.length).toBeLessThan(whole.entries.length);
  expect((await laneLog('--limit', '1000')).err).toMatch(/What happened before .* Temporal has deleted/);
});

test('--follow shows what comes, once, until it is stopped', async () => {
  const stopping = new AbortController();
  let seen = '';
  const following = cli(['log', destination.id, '--lane', lane, '--follow', '--limit', '1', '--json'], {
    stop: stopping.signal,
    hear: (text) => {
      seen += text;
    },
  });
  await until(
    'the first line',
    () => seen,
    (text) => text.includes('\n'),
  );
  await settle('delivered');
  await until(
    'what came',
    () => seen,
    (text) => (text.match(/"kind":"delivered"/g)?.length ?? 0) > 0 && text.includes('"accepted"'),
  );
  stopping.abort();
  const { code, out } = await following;
  const ids = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).id);
  expect([code, new Set(ids).size]).toEqual([0, ids.length]);
});

test('however much is in the histories, a page reads a few MiB of them: it is short, and another follows', async () => {
  const { id, customerExternalId } = await causeway.createDestination();
  const pad = (): string => randomBytes(165_000).toString('base64');
  const events = 48;
  for (let n = 0; n < events; n += 4) {
    const event = { eventType: 'e', customerExternalId };
    const batch = Array.from({ length: 4 }, (_, i) => ({
      ...event,
      idempotencyKey: `${n + i}`,
      payload: { pad: pad() },
    }));
    // A worker that is behind with megabytes makes the API say 503 lane_full; that is for the sender to send again.
    await sendUntilAccepted(causeway.api, batch);
  }
  const delivered = async (query = ''): Promise<Page & { count: number }> => {
    const url = `/v1/destinations/${id}/lane-log?lane=${customerExternalId}&limit=1000${query}`;
    const page = (await causeway.api.get(url)).body as Page;
    const counts = page.entries.map(({ kind, events: some }) => (kind === 'delivered' ? (some ?? 0) : 0));
    return { ...page, count: counts.reduce((sum, one) => sum + one, 0) };
  };
  const pages = await until(
    'all are delivered',
    async () => {
      const found = [await delivered()];
      for (let next = found[0]?.nextCursor; next !== undefined; next = found.at(-1)?.nextCursor) {
        found.push(await delivered(`&cursor=${encodeURIComponent(next)}`));
      }
      return found;
    },
    (found) => found.reduce((sum, { count }) => sum + count, 0) === events,
  );
  expect(pages.length).toBeGreaterThan(1);
  for (const { entries } of pages) expect(entries.length).toBeGreaterThan(0);
});

test('a cursor that this list did not give is refused', async () => {
  const answer = await causeway.api.get(`/v1/destinations/${destination.id}/lane-log?lane=${lane}&cursor=x`);
  expect([answer.status, answer.body]).toMatchObject([400, { code: 'cursor_invalid' }]);
});
