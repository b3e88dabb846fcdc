import { readFile } from 'node:fs/promises';
import v8 from 'node:v8';
import { createContext, Script } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { workerFlags } from '../../dev/programs.ts';

const preload = './worker/workflowThreads.cjs';

/** What a thread of a process with that module loaded answers to the code. */
const inThread = (code: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(
      `const { parentPort } = require('node:worker_threads'); parentPort.postMessage((${code})())`,
      {
        eval: true,
        execArgv: ['--require', preload],
      },
    );
    thread.once('message', resolve).once('error', reject);
  });

test('a thread of the worker notes no stacks of promises, and the SDK has nothing to say about it', async () => {
  const asTheSdkDoes = `() => {
    const said = [];
    console.warn = (text) => said.push(text);
    try { require('node:v8').promiseHooks.createHook({ init() {} }); } catch { console.warn('not available'); }
    console.warn('something else');
    return said;
  }`;
  expect(await inThread(asTheSdkDoes)).toEqual(['something else']);
});

test("a thread of the worker calls into a workflow's context without a thread that watches the time", async () => {
  const busy = "const until = Date.now() + 50; while (Date.now() < until); 'through'";
  const run = `() => {
    const vm = require('node:vm');
    return new vm.Script(${JSON.stringify(busy)}).runInContext(vm.createContext({ Date }), { timeout: 1, displayErrors: true });
  }`;
  expect(await inThread(run)).toBe('through');
});

test("Node's own use of the hooks goes on in a thread of the worker", async () => {
  const run = `() => {
    const hooks = require('node:async_hooks');
    hooks.createHook({ init() {}, before() {}, after() {}, destroy() {} }).enable();
    return new hooks.AsyncLocalStorage().run('kept', () => 'through');
  }`;
  expect(await inThread(run)).toBe('through');
});

test('other threads are as Node made them', () => {
  v8.promiseHooks.createHook({ init: () => undefined })();
  const endless = new Script('for (;;);');
  expect(() => endless.runInContext(createContext(), { timeout: 5 })).toThrow('timed out');
});

test.each(['package.json', 'docker-compose.yml'])('%s starts the worker with it, as npm start does', async (file) => {
  expect(workerFlags).toContain(preload);
  const text = await readFile(new URL(`../../${file}`, import.meta.url), 'utf8');
  expect(text.split(preload).length - 1).toBe(1);
});
