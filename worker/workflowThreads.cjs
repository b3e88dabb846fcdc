/**
 * Loaded before all else in every thread of the worker (`--require`, dev/programs.ts), for those in which workflows run: two things that the SDK
 * does there by default, with no setting against them, took half of a lane's processor time (docs/decisions/workflow-threads.md).
 */
const { isMainThread } = require('node:worker_threads');
const v8 = require('node:v8');
const vm = require('node:vm');

if (!isMainThread) {
  // For the query `__stack_trace` the SDK notes the stack of every promise. Without the hook it says that stack traces are not enabled.
  const createHook = () => {
    const { warn } = console;
    console.warn = () => {
      console.warn = warn; // Once: the SDK's word that there is no such hook here.
    };
    throw new Error('Stacks of promises are not noted here.');
  };
  // Another object: Node's own AsyncLocalStorage uses the one that was there.
  v8.promiseHooks = { ...v8.promiseHooks, createHook };

  // A call into a workflow's context with a time limit starts a thread to watch it. Temporal gives a task that takes too long to another worker.
  const { runInContext } = vm.Script.prototype;
  vm.Script.prototype.runInContext = function (context, { timeout: _, ...options } = {}) {
    return runInContext.call(this, context, options);
  };
}
