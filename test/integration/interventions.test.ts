import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LaneCalls, laneCalls } from '../../activities/laneCalls.ts';
import { laneList } from '../../activities/laneList.ts';
import { VisibilityPace } from '../../activities/visibilityPace.ts';
import { intervene } from '../../api/interventions.ts';
import { CausewayError } from '../../domain/error.ts';
import { laneWorkflowId } from '../../domain/lane.ts';
import { openStore, type Store } from '../../store/store.ts';
import { type Causeway, type CreatedDestination, startCauseway } from '../harness/causeway.ts';
import { causeway as run } from '../harness/cli.ts';
import { deliveryOf, postEvent, untilDelivery } from '../harness/eventLog.ts';
import { expectProblem } from '../harness/problem.ts';
import { beginReplay, replayed } from '../harness/replays.ts';
import { type TestTemporal, testTemporal } from '../harness/temporal.ts';

let causeway: Causeway;
let temporal: TestTemporal;
let store: Store;
beforeAll(async () => {
  causeway = await startCauseway();
  temporal = await testTemporal(causeway);
  store = await openStore({ databaseUrl: causeway.databaseUrl, secretKeys: [{ id: 'k1', key: randomBytes(32) }] });
});
afterAll(async () => {
  await store?.close();
  await temporal?.stop();
  await causeway?.stop();
});

/** A destination with a lane a key, and an event parked in each of these. */
async function parkedIn(...keys: string[]): Promise<{ destination: CreatedDestination; ids: string[] }> {
  const destination = await causeway.createDestination({
    topic: await causeway.kafka.newTopic(1, { 'max.message.bytes': '1500' }),
    ...{ partitionKey: 'payload.key', ordering: { lanes: 'key' } },
  });
  const ids: string[] = [];
  for (const key of keys) {
    const payload = { key, pad: 'x'.repeat(5_000) };
    const { customerExternalId } = destination;
    ids.push(await postEvent(causeway.api, { eventType: 'e', customerExternalId, payload }));
  }
  for (const id of ids) await untilStatus('parked', id);
  return { destination, ids };
}
const untilStatus = (wanted: string, id: string) =>
  untilDelivery(`it is ${wanted}`, causeway.api, id, ({ status }) => status === wanted);
const mend = ({ topic }: CreatedDestination) => causeway.kafka.configure(topic, { 'max.message.bytes': '1000000' });
const once = (key: string) => ({ 'idempotency-key': key });

test.each([true, false])(
  'a request whose answer was lost is completed by the same one, and each lane follows it once (Temporal had the signal: %s)',
  async (isStored) => {
    const { destination, ids } = await parkedIn('a', 'b', 'c');
    await mend(destination);
    const real = laneCalls(temporal.client);
    let isLost = false;
    const signal: LaneCalls['signal'] = async (workflowId, ...sent) => {
      if (isLost || !workflowId.endsWith(':b')) return real.signal(workflowId, ...sent);
      isLost = true;
      if (isStored) await real.signal(workflowId, ...sent);
      throw new CausewayError('temporal_unavailable', 'The answer was lost.');
    };
    const options = {
      ...{ index: store.eventIndex, interventions: store.interventions },
      list: laneList(temporal.client, new VisibilityPace()),
      lanes: { ...real, signal },
      workflowIdOf: async (id: string, lane: string) => laneWorkflowId(id, lane),
    };
    const { id: destinationId } = destination;
    const asked = { destinationId, signal: 'replay', reason: 'mended', by: 'ada', requestKey: randomUUID() } as const;
    const lost = await intervene(options, asked, { ids }).catch((error: unknown) => error);
    expect(lost).toMatchObject({ code: 'temporal_unavailable' });
    await untilStatus('delivered', ids[0] ?? '');

    const answer = { signal: 'replay', lanes: 3, deadLetters: 3, reason: 'mended', by: 'ada' };
    for (let n = 0; n < 2; n++) expect(await intervene(options, asked, { ids })).toEqual(answer);
    for (const id of ids) {
      const { interventions } = await untilStatus('delivered', id);
      expect(interventions).toMatchObject([{ kind: 'replay', reason: 'mended', by: 'ada' }]);
    }
    expect(await causeway.kafka.records(destination.topic)).toHaveLength(3);
  },
);

test('over HTTP and from the command line, the same key has the same answer, and another request with it is refused', async () => {
  const { destination, ids } = await parkedIn('a', 'b');
  await mend(destination);
  const [first = '', second = ''] = ids;
  const path = `/v1/destinations/${destination.id}`;
  const ask = (what: string, body: object) => causeway.api.request('POST', `${path}/${what}`, body, once('mended'));
  const done = await ask('replay', { ids: [first] });
  expect([done.status, done.body]).toMatchObject([202, { lanes: 1, deadLetters: 1 }]);
  await untilStatus('delivered', first);
  const again = await ask('replay', { ids: [first] });
  expect([again.status, again.body]).toEqual([done.status, done.body]);
  expectProblem(await ask('replay', { ids: [second] }), 422, 'idempotency_key_reused');
  expectProblem(await ask('discard', { ids: [first] }), 422, 'idempotency_key_reused');
  expectProblem(await ask('discard', { all: true }), 422, 'idempotency_key_reused');
  expect(await deliveryOf(causeway.api, second)).toMatchObject({ status: 'parked', interventions: [] });

  const discard = ['discard', destination.id, second, '--yes', '--once', 'given-up'];
  const ran = await run(causeway.api, discard);
  expect(ran).toEqual({ code: 0, out: 'Given up: 1 dead letter of 1 lane.\n', err: '' });
  await untilStatus('discarded', second);
  expect(await run(causeway.api, discard)).toEqual(ran);
  expect((await deliveryOf(causeway.api, second)).interventions).toHaveLength(1);
  const other = await run(causeway.api, ['replay', destination.id, second, '--once', 'given-up']);
  expect([other.code, other.err]).toEqual([2, expect.stringMatching(/key was used for another request.*Nothing was/)]);
});

test('a replay that is named is begun once, though what it names is parked no more', async () => {
  const { destination, ids } = await parkedIn('a');
  await mend(destination);
  const body = { eventIds: ids, destinationId: destination.id };
  const begun = await beginReplay(causeway.api, body, once('by-name'));
  expect(await replayed(causeway.api, begun)).toMatchObject({ status: 'done', events: 1 });
  await untilStatus('delivered', ids[0] ?? '');
  expect(await beginReplay(causeway.api, body, once('by-name'))).toEqual(begun);
  const ran = await run(causeway.api, ['replay', destination.id, ...ids, '--status', 'parked', '--once', 'by-name']);
  expect([ran.code, ran.out]).toEqual([0, expect.stringMatching(new RegExp(`${begun.id}\nstatus +done\nevents +1\n`))]);
  const other = await causeway.api.request('POST', '/v1/replays', { ...body, status: 'any' }, once('by-name'));
  expectProblem(other, 422, 'idempotency_key_reused');
  expectProblem(await causeway.api.request('POST', '/v1/replays', body), 409, 'event_not_replayable');
  expect(await causeway.kafka.records(destination.topic)).toHaveLength(1);
});
