import { deflateSync } from 'node:zlib';
import type proto from '@temporalio/proto';
import { describe, expect, test } from 'vitest';
import { laneQueries, laneSignals } from '../../domain/laneMessages.ts';
import { timeSkipping } from '../harness/timeSkipping.ts';
import { until } from '../harness/until.ts';
import { noting, withLane } from '../harness/workflowLane.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const readable = { metadata: { encoding: utf8('json/plain') }, data: utf8('{"all":true}') };
const unreadable: proto.temporal.api.common.v1.IPayload[] = [
  { data: utf8('{}') },
  { metadata: {}, data: utf8('{}') },
  { metadata: { encoding: utf8('json/plain') } },
  { metadata: { encoding: utf8('json/plain') }, data: utf8('{bad') },
  { metadata: { encoding: utf8('json/of-somebody-else') }, data: utf8('{}') },
  { metadata: { encoding: utf8('binary/zlib') }, data: utf8('no zlib') },
  { metadata: { encoding: utf8('binary/zlib') }, data: deflateSync(utf8('no payload')) },
  { metadata: { encoding: utf8('binary/zlib') }, data: deflateSync(utf8('cut off')).subarray(0, 8) },
];

describe('what nobody can make sense of, sent to a lane', () => {
  const server = timeSkipping();

  test('changes nothing for a malformed signal, and lives on', async () => {
    const { sent, produce } = noting((n) => n === 1);
    await withLane(server, produce, async ({ enqueue, handle, status }) => {
      await enqueue([1]);
      await until('its status', status, (seen) => seen.deadLetters === 1);
      const malformed = [7, 'x', [], { ids: [] }, { ids: 'evt_x' }, { id: 'evt_x' }, { ids: ['evt_nobody'] }];
      for (const input of [...malformed, undefined, null, {}, { entries: [null], bodies: 'x' }]) {
        await handle.signal('enqueue', input);
        await handle.signal('discard', input);
      }
      for (const input of malformed) await handle.signal('replay', input);
      for (const input of [7, 'x', []]) {
        await handle.signal('pause', input);
        await handle.signal('resume', input);
      }
      for (const input of [...malformed, undefined, {}, { version: -1 }, { version: 'x' }, { error: 'x' }]) {
        await handle.signal('wake', input);
        await handle.signal('suspend', input);
      }
      await enqueue([2]);
      await until('2 to be sent', () => sent.length === 2);
      expect((await status()).deadLetters).toBe(1);
      await handle.signal('discard', { all: true });
      await until('its status', status, (seen) => seen.deadLetters === 0);
    });
  });

  test('changes nothing for a signal or query whose payload nobody can read, and lives on', async () => {
    const { sent, produce } = noting((n) => n === 1);
    await withLane(server, produce, async ({ enqueue, handle, status }) => {
      const { workflowService } = server.env.connection;
      const namespace = 'default';
      const { workflowId } = handle;
      await enqueue([1]);
      await until('its status', status, (seen) => seen.deadLetters === 1);
      const before = await status();
      for (const signalName of Object.values(laneSignals)) {
        for (const payloads of [...unreadable.map((payload) => [payload]), [readable, ...unreadable]]) {
          const workflowExecution = { workflowId };
          const input = { payloads };
          await workflowService.signalWorkflowExecution({ namespace, workflowExecution, signalName, input });
        }
      }
      for (const queryType of Object.values(laneQueries)) {
        const query = { queryType, queryArgs: { payloads: unreadable } };
        await workflowService.queryWorkflow({ namespace, execution: { workflowId }, query });
      }
      expect(await status()).toEqual(before);
      await enqueue([2]);
      await until('2 to be sent', () => sent.includes(2));
      const { events } = await handle.fetchHistory();
      expect(events?.filter((event) => event.workflowTaskFailedEventAttributes)).toEqual([]);
    });
  });
});
