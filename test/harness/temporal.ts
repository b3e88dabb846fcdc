import { Client, Connection } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import { run } from '../../dev/servers/install.ts';
import { temporalCli } from '../../dev/servers/temporal.ts';
import { dataConverter } from '../../domain/dataConverter.ts';
import type { Causeway } from './causeway.ts';
import { track } from './running.ts';
import { sharedServers } from './sharedServers.ts';

export type TestTemporal = { client: Client; stop(): Promise<void> };

/** A client of the Temporal that this Causeway uses, without payload keys unless they are given; `stop()` when done. */
export async function testTemporal(
  { temporal }: Pick<Causeway, 'temporal'>,
  converter: DataConverter = dataConverter,
): Promise<TestTemporal> {
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection, namespace: temporal.namespace, dataConverter: converter });
  return { client, stop: track('a client of Temporal', () => connection.close()) };
}

/** A client of the Temporal that all tests share, for those without a Causeway; `stop()` when done. */
export const sharedTemporal = (): Promise<TestTemporal> =>
  testTemporal({ temporal: { ...sharedServers().temporal, taskQueue: 'none' } });

/** Runs Temporal's own CLI against the Temporal of this Causeway, as an operator would, and returns what it printed. */
export async function operate(
  { temporal, api }: Pick<Causeway, 'temporal' | 'api'>,
  ...args: string[]
): Promise<string> {
  const to = ['--address', temporal.address, '--namespace', temporal.namespace, '--codec-endpoint', `${api.url}/codec`];
  return run(await temporalCli(), [...args, ...to], { timeoutMs: 30_000 });
}
