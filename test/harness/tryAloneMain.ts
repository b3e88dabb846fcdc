/** Run by `tryAlone.ts`, as a process of its own: one try to produce against something that this process alone can be done harm by. */
import { subscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { Client, Connection } from '@temporalio/client';
import { blockWithKeys, openDestination, testProduce } from './produceActivity.ts';
import { type AloneTry, addresses, isProvokedAlone } from './tryAlone.ts';

/** What is behind a socket of Node's, which its types leave out. Of a connection that was reset the system names no other side. */
type Handle = { getpeername(found: { port?: number }): number };
const otherPortOf = (socket: Socket): number | undefined => {
  const found: { port?: number } = {};
  return (socket as unknown as { _handle?: Handle })._handle?.getpeername(found) === 0 ? found.port : undefined;
};

const lookEveryMs = 1;
const resetWithinMs = 10_000;

/** Stands still, with all that this thread has to do, until the other side's reset is here. */
function standStillUntilReset(socket: Socket): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (const giveUpAtMs = Date.now() + resetWithinMs; otherPortOf(socket) !== undefined; ) {
    if (Date.now() > giveUpAtMs) throw new Error(`No reset came within ${resetWithinMs} ms.`);
    Atomics.wait(sleeper, 0, 0, lookEveryMs);
  }
}

/**
 * A broker on a thread of its own, that closes each connection and resets it then. What the system says to who connected is EPIPE, once it
 * has both: so nothing is written, or read, until it has.
 */
async function hangingUpBeforeWeWrite(): Promise<string> {
  const broker = `
    const server = require('node:net').createServer((socket) => socket.end(() => socket.resetAndDestroy()));
    server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));`;
  const thread = new Worker(broker, { eval: true });
  const [port] = await once(thread, 'message');
  thread.unref();
  subscribe('net.client.socket', (message) => {
    const { socket } = message as { socket: Socket }; // So Node's documentation has it.
    socket.once('connect', () => otherPortOf(socket) === port && standStillUntilReset(socket));
  });
  return `127.0.0.1:${port}`;
}

const [, , name = ''] = process.argv;
if (!isProvokedAlone(name)) throw new Error(`No error of this name is provoked here: ${name}.`);
const broker = name === 'EPIPE' ? await hangingUpBeforeWeWrite() : addresses[name];
// Nothing of Temporal is needed: a try that is over soon tells it nothing.
const client = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
const produce = testProduce({ client });
const destination = openDestination({ brokers: [broker], topic: 'none' });
const { thrown, attempts, progress } = await produce.run(destination, blockWithKeys(['k']));
const tried: AloneTry = { thrownType: thrown?.type, attempts, progress };
process.stdout.write(JSON.stringify(tried), () => process.exit(0));
