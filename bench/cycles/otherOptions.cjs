/**
 * Loaded before the worker (`--require`) by bench/cycles: the worker that runs lanes gets the options that its environment names, over those that it has
 * in worker/laneWorker.ts. `null` takes one away.
 */
const { isMainThread } = require('node:worker_threads');

const given = process.env.CAUSEWAY_BENCH_WORKER_OPTIONS;
if (isMainThread && given) {
  const { Worker } = require('@temporalio/worker');
  const create = Worker.create.bind(Worker);
  const laneQueue = process.env.TEMPORAL_TASK_QUEUE;
  Worker.create = (options) => {
    if (options.taskQueue !== laneQueue) return create(options);
    const other = Object.entries({ ...options, ...JSON.parse(given) }).filter(([, value]) => value !== null);
    return create(Object.fromEntries(other));
  };
}
