import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { runSizesOf } from '../../dev/laneRuns.ts';
import { dropDatabase } from '../../dev/servers/postgres.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import type { Answer } from '../harness/api.ts';
import { type Causeway, startCauseway, until } from '../harness/causeway.ts';
import { expectProblem } from '../harness/problem.ts';
import { ownTemporal } from '../harness/servers.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { operate } from '../harness/temporal.ts';

/** With so many signals a run takes no more of them, whoever sends. */
const signalsMax = 20;

let temporal: Awaited<ReturnType<typeof ownTemporal>>;
let causeway: Causeway;
beforeAll(async () => {
  temporal = await ownTemporal({ dynamicConfig: { 'history.maximumSignalsPerExecution': String(signalsMax) } });
  const apiEnv = {
    ...{ CAUSEWAY_WAITING_BYTES_MAX: String(1024 * 1024), CAUSEWAY_EVENT_BYTES_MAX: '900000' },
    CAUSEWAY_LANE_HISTORY_EVENTS_MAX: '50', // Before a run has so many signals.
  };
  causeway = await startCauseway({ workers: 0, temporal, apiEnv });
});
afterAll(async () => {
  await causeway.stop();
  await temporal.remove();
});

const event = (customerExternalId: string, text = '', idempotencyKey = randomUUID()) => ({
  eventType: 'order.shipped',
  customerExternalId,
  idempotencyKey,
  payload: { text },
});

async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address: temporal.address });
  try {
    return await work(new Client({ connection, namespace: temporal.namespace, dataConverter }));
  } finally {
    await connection.close();
  }
}

/** How many signals Temporal has stored for a lane in this run, or the one that is there. */
const storedIn = (workflowId: string, runId?: string): Promise<number> =>
  withClient(async (client) => {
    const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    return (events ?? []).filter((one) => one.workflowExecutionSignaledEventAttributes).length;
  });

/** Runs `work` while Temporal takes no signal of this lane, and of this lane alone. */
const whileLaneTakesNothing = (workflowId: string, work: () => Promise<void>): Promise<void> =>
  withClient(async (client) => {
    const handle = await client.workflow.start('noise', { workflowId, taskQueue: randomUUID() });
    for (let n = 0; n < signalsMax; n++) await handle.signal('noise');
    await work();
    await handle.terminate();
  });

/** Stops Temporal's clock while `work` runs: it answers nothing, and loses nothing. */
async function whileTemporalHangs<T>(work: () => Promise<T>): Promise<T> {
  const { pid } = temporal;
  if (pid === undefined) throw new Error('Temporal is down.');
  process.kill(pid, 'SIGSTOP');
  try {
    return await work();
  } finally {
    process.kill(pid, 'SIGCONT');
  }
}

describe('more than the process may hold', () => {
  test('is answered 503 at once, and what was taken is stored', async () => {
    // Each in a lane of its own: it is the process that is full, not a lane.
    const destinations = await Promise.all([1, 2, 3].map(() => causeway.createDestination()));
    const customers = destinations.map(({ customerExternalId }) => customerExternalId);
    const postLarge = (customer = '') => causeway.api.post(event(customer, 'x'.repeat(400_000)));
    const sent = await whileTemporalHangs(async () => {
      const held = customers.map(postLarge);
      // Whichever comes last to the process.
      expectProblem(await Promise.race(held), 503, 'overloaded');
      return held;
    });
    expect((await Promise.all(sent)).map(({ status }) => status).sort()).toEqual([202, 202, 503]);
    expect((await postLarge(customers[0])).status).toBe(202); // There is room again.
  });
});

describe('an event for two destinations', () => {
  test('of which one could not be stored is refused, and the same POST completes it, without a second record at the other', async () => {
    const one = await causeway.createDestination();
    const { customerExternalId } = one;
    const other = await causeway.createDestination({ customerExternalId });
    const sent = event(customerExternalId);
    await whileLaneTakesNothing(laneWorkflowId(other.id, customerExternalId), async () => {
      const refused = await causeway.api.post(sent);
      expectProblem(refused, 503, 'partly_stored');
      expect(refused.text).toContain(`Not stored for ${other.id}.`);
    });

    const { status, body } = await causeway.api.post(sent);
    expect([status, body]).toMatchObject([
      202,
      { deliveries: [{ destinationId: one.id }, { destinationId: other.id }] },
    ]);
    onTestFinished(() => causeway.worker.stop());
    await causeway.worker.start();
    const last = event(customerExternalId);
    expect((await causeway.api.post(last)).status).toBe(202);
    for (const { topic } of [one, other]) {
      const records = await until(
        'the last event to arrive',
        () => causeway.kafka.records(topic),
        (all) => all.some(({ headers }) => headers.idempotency_key === last.idempotencyKey),
      );
      expect(records.map(({ headers }) => headers.idempotency_key)).toEqual(
        [sent, last].map((one) => one.idempotencyKey),
      );
    }
  });
});

describe('a lane that is reset to before more signals than a run takes', () => {
  test('gets all of them in one run, takes further ones from the next run on, and loses and repeats nothing', async () => {
    const { id, topic, customerExternalId } = await causeway.createDestination({ producer: { lingerMs: 0 } });
    const workflowId = laneWorkflowId(id, customerExternalId);
    onTestFinished(() => causeway.worker.stop());
    await causeway.worker.start();
    const names = async () => (await causeway.kafka.records(topic)).map(({ headers }) => headers.idempotency_key);
    const wanted: string[] = [];
    const post = async (): Promise<void> => {
      const sent = event(customerExternalId);
      wanted.push(sent.idempotencyKey);
      await until(
        'it is accepted',
        () => causeway.api.post(sent),
        ({ status }) => status === 202,
      );
    };
    for (let n = 0; n < 2 * signalsMax; n++) await post();
    await until('all are there', names, ({ length }) => length === wanted.length);
    const first = (await withClient((client) => runSizesOf(client, workflowId))).at(-1)?.runId ?? '';
    const to = ['--workflow-id', workflowId, '--run-id', first, '--event-id', '5', '--reason', 'a defect was mended'];
    const made = await operate(causeway, 'workflow', 'reset', ...to, '--output', 'json');
    const runId = /"runId": *"([^"]+)"/.exec(made)?.[1];
    expect(await storedIn(workflowId, runId)).toBe(2 * signalsMax);
    await post();
    expect(await until('the last is there', names, ({ length }) => length > 2 * signalsMax)).toEqual(wanted);
  });
});

describe('while Temporal hangs', () => {
  test('a log and a change of lanes are answered 503 within seconds', async () => {
    const { id, customerExternalId } = await causeway.createDestination();
    const { body } = await causeway.api.post(event(customerExternalId));
    const { id: eventId } = body as { id: string };
    const timed = async (answer: Promise<Answer>): Promise<[Answer, number]> => {
      const startedAtMs = performance.now();
      return [await answer, performance.now() - startedAtMs];
    };
    const [[log, logMs], [change, changeMs]] = await whileTemporalHangs(() =>
      Promise.all([
        timed(causeway.api.get(`/v1/events/${eventId}`)),
        timed(causeway.api.request('PATCH', `/v1/destinations/${id}`, { ordering: { lanes: 2 } })),
      ]),
    );
    expectProblem(log, 503, 'temporal_unavailable');
    expect(logMs).toBeLessThan(6_000);
    expectProblem(change, 503, 'lanes_unknown');
    expect(changeMs).toBeLessThan(12_000);
  });
});

describe('while Temporal is away', () => {
  test('an event is answered 503, and the same POST is accepted once it is back', async () => {
    const { customerExternalId } = await causeway.createDestination();
    const sent = event(customerExternalId);
    const before = await causeway.api.post(event(customerExternalId));
    await temporal.kill();
    const batch = [event(customerExternalId), event(customerExternalId)];
    const [log, one, many, health] = await Promise.all([
      causeway.api.get(`/v1/events/${(before.body as { id: string }).id}`),
      causeway.api.post(sent),
      causeway.api.postBatch(batch),
      causeway.api.get('/healthz'),
    ]);
    expectProblem(log, 503, 'temporal_unavailable');
    expectProblem(one, 503, 'temporal_unavailable');
    expectProblem(many, 503, 'temporal_unavailable'); // As one event is, so that every client understands it.
    expect([health.status, health.body]).toEqual([
      503,
      { status: 'failing', checks: { store: 'ok', temporal: 'failing' } },
    ]);
    expect((await causeway.api.get('/v1/destinations')).status).toBe(200); // Needs no Temporal.
    expect((await causeway.api.post(event('nobody'))).status).toBe(202); // Goes nowhere.

    await temporal.restart();
    const again = await until(
      'the event to be accepted',
      () => causeway.api.post(sent),
      ({ status }) => status === 202,
      5_000,
    );
    const { deliveries } = again.body as { deliveries: { workflowId: string }[] };
    expect(await storedIn(deliveries[0]?.workflowId ?? '')).toBe(2); // It, and the one before.
  });
});

describe('while the store is away', () => {
  test('every request is answered 503, which shows nothing of the store', async () => {
    const { customerExternalId } = await causeway.createDestination();
    const url = new URL(causeway.databaseUrl);
    await dropDatabase(sharedServers().databaseUrl, url.pathname.slice(1));
    const isAway = ({ status }: { status: number }) => status === 503;
    const answers = [
      await until('an event to be refused', () => causeway.api.post(event(customerExternalId)), isAway, 1_000),
      await causeway.api.postBatch([event(customerExternalId)]),
      await causeway.api.get('/v1/destinations'),
    ];
    for (const answer of answers) {
      expectProblem(answer, 503, 'store_unreachable');
      expect(answer.text).not.toContain(url.host);
    }
    const health = await causeway.api.get('/healthz');
    expect(health.body).toEqual({ status: 'failing', checks: { store: 'failing', temporal: 'ok' } });
  });
});
