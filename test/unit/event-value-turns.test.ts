import { OpenAPIHono } from '@hono/zod-openapi';
import { expect, test } from 'vitest';
import type { AppEnv } from '../../api/appEnv.ts';
import { eventValueRoute } from '../../api/eventValue.ts';
import { until } from '../harness/until.ts';

const eventId = `evt_${'A'.repeat(22)}`;

test('links that wait for values keep no operator waiting for one', async () => {
  const app = new OpenAPIHono<AppEnv>();
  const begun: string[] = [];
  const goOn: (() => void)[] = [];
  app.onError((error, c) => c.text(String(error), 410));
  app.use(async (c, next) => {
    const customerExternalId = c.req.header('customer');
    if (customerExternalId) c.set('portal', { linkId: 'l', customerExternalId, permissions: ['read'] });
    await next();
  });
  const stuck = async (workflowId: string): Promise<false> => {
    begun.push(workflowId);
    await new Promise<void>((go) => goOn.push(go));
    return false;
  };
  let asker = '';
  let found = 0;
  eventValueRoute(app, {
    index: {
      find: async () => {
        found++;
        return [{ workflowId: `delivery:dst_${asker}:0`, runId: 'r', acceptedAt: new Date(0) }];
      },
    },
    values: {
      temporal: undefined as never, // It is asked for bodies in holders alone.
      histories: {
        eachEvent: stuck,
        now: async () => ({ running: undefined, state: undefined }),
        decoded: () => Promise.reject(new Error('nothing is decoded')),
        signalInputs: async () => undefined,
      },
      segmentHolding: async () => undefined,
      lanes: { deadLetters: async () => 'gone' },
    },
    eventIndexDays: 8,
    destinations: { customersOf: async (ids) => new Map(ids.map((id) => [id, id.slice('dst_'.length)])) },
  });
  const answers: Promise<number>[] = [];
  let answered = 0;
  const ask = async (headers = {}): Promise<number> => {
    const { status } = await app.request(`/v1/events/${eventId}/value`, { headers });
    answered++;
    return status;
  };
  for (asker of ['a', 'b', 'c', 'd', 'e']) {
    answers.push(ask({ customer: asker }));
    await until(
      'it to be found',
      () => found,
      (count) => count === answers.length,
    );
  }
  asker = 'operator';
  answers.push(ask());
  await until(
    'the operator’s to be read',
    () => begun,
    (all) => all.includes('delivery:dst_operator:0'),
  );
  expect(begun).not.toContain('delivery:dst_e:0');
  await until(
    'all to be answered',
    () => {
      for (const go of goOn.splice(0)) go();
      return answered;
    },
    (count) => count === answers.length,
  );
  expect(await Promise.all(answers)).toEqual(Array(6).fill(410));
});
