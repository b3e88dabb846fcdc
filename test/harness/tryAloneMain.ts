/** Run by `tryAlone.ts`, as a process of its own: one try to produce against something that this process alone can be done harm by. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { Client, Connection } from '@temporalio/client';
import { blockWithKeys, openDestination, testProduce } from './produceActivity.ts';
import { type AloneTry, addresses, isProvokedAlone } from './tryAlone.ts';

/** Long enough for another thread to take a connection and break it off, on a machine that is busy. */
const turnMs = 200;

/**
 * A broker on a thread of its own, that closes each connection and resets it then. What the system says to who connects is EPIPE, once it
 * has both: so this thread sleeps in each turn of its loop.
 */
async function hangingUpWhileWeSleep(): Promise<string> {
  const broker = `
    const server = require('node:net').createServer((socket) => socket.end(() => socket.resetAndDestroy()));
    server.listen(0, '127.0.0.1', () => require('node:worker_threads').parentPort.postMessage(server.address().port));`;
  const thread = new Worker(broker, { eval: true });
  const [port] = await once(thread, 'message');
  thread.unref();
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const sleep = (): void => {
    Atomics.wait(sleeper, 0, 0, turnMs);
    setImmediate(sleep).unref();
  };
  sleep();
  return `127.0.0.1:${port}`;
}

const [, , name = ''] = process.argv;
if (!isProvokedAlone(name)) throw new Error(`No error of this name is provoked here: ${name}.`);
const broker = name === 'EPIPE' ? await hangingUpWhileWeSleep() : addresses[name];
// Nothing of Temporal is needed: a try that is over soon tells it nothing.
const client = new Client({ connection: Connection.lazy({ address: '127.0.0.1:1' }) });
const produce = testProduce({ client });
const destination = openDestination({ brokers: [broker], topic: 'none' });
const { thrown, attempts, progress } = await produce.run(destination, blockWithKeys(['k']));
const tried: AloneTry = { thrownType: thrown?.type, attempts, progress };
process.stdout.write(JSON.stringify(tried), () => process.exit(0));
