import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import proto from '@temporalio/proto';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { dataConverter } from '../../domain/dataConverter.ts';

/** Recorded with test/workflow/recordHistories.ts: a folder for each day whose code may still have open workflows; of long chains the first and last run. */
const pathOf = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const folder = pathOf('./histories/');
const { History } = proto.temporal.api.history.v1;

const workflowBundle = { code: inject('workflowCode') };
beforeAll(() => {
  Runtime.install({
    logger: new DefaultLogger('ERROR'),
    telemetryOptions: { logging: { filter: 'ERROR', forward: {} } },
  });
});

const recorded = async (name: string) => History.decode(gunzipSync(await readFile(folder + name)));
type History = Awaited<ReturnType<typeof recorded>>;
const replayed = async (history: History): Promise<void> => {
  const ofReset = isOfReset(history) ? await resetBundle() : workflowBundle;
  await Worker.runReplayHistory({ workflowBundle: ofReset, dataConverter }, history, 'delivery:dst_recorded:k');
};

/** A reset ends what it copied with a workflow task that failed of it. */
const isOfReset = ({ events }: History): boolean =>
  events.some(({ workflowTaskFailedEventAttributes: failed }) => !!failed?.baseRunId);
const resetBundle = () =>
  bundleWorkflowCode({
    workflowsPath: pathOf('../../workflows/index.ts'),
    workflowInterceptorModules: [pathOf('./asReset.ts')],
    payloadConverterPath: dataConverter.payloadConverterPath,
    logger: new DefaultLogger('ERROR'),
  });

describe('a workflow that older code began goes on with this code', async () => {
  const names = await readdir(folder, { recursive: true });
  test.each(names.filter((name) => name.endsWith('.pb.gz')))('%s', async (name) => {
    await replayed(await recorded(name));
  });
});

test('a history that this code would not have made is found out', async () => {
  const history = await recorded('2026-11-28/lane-run-1.pb.gz');
  const scheduled = history.events.find((event) => event.activityTaskScheduledEventAttributes);
  const produce = scheduled?.activityTaskScheduledEventAttributes;
  if (produce?.activityType) produce.activityType.name = 'anotherActivity';
  await expect(replayed(history)).rejects.toThrow(DeterminismViolationError);
});
