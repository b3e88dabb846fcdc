import { rm } from 'node:fs/promises';
import { kfakeBinary } from '../../dev/servers/kfake.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { startServer } from '../../dev/servers/server.ts';

const produceKey = 0;

/** A broker that takes so long to write whatever it is sent, and then does: `delayMs` for each request. */
export async function slowBroker(topic: string, delayMs: number, logFile: string) {
  const port = await freePort();
  const control = `127.0.0.1:${await freePort()}`;
  const order = async (path: string, body: Record<string, unknown> = {}): Promise<void> => {
    const response = await fetch(`http://${control}/${path}`, { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`kfake refused ${path}: ${await response.text()}`);
  };
  const server = await startServer({
    ...{ name: 'slow broker', command: await kfakeBinary(), logFile },
    args: ['-control', control, '-ports', String(port)],
    ready: () => order('ready'),
  });
  await order('topics', { topic, partitionCount: 1, config: {} });
  await order('delay', { key: produceKey, count: -1, delayMs });
  const close = async (): Promise<void> => {
    await server.stop();
    await rm(logFile, { force: true });
  };
  return { address: `127.0.0.1:${port}`, close };
}
