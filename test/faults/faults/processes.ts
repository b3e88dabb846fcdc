import { always, type Fault, promised } from '../fault.ts';
import { answersWith, stallsEachTime, stallsOnce } from '../judge/effects.ts';

const signal = (pid: number | undefined, name: 'SIGSTOP' | 'SIGCONT'): void => {
  if (pid === undefined) throw new Error('The worker that is to be stopped does not run.');
  process.kill(pid, name);
};

export const workerKilled: Fault = {
  name: 'worker-killed',
  title: 'the only worker killed (SIGKILL) and started again',
  times: { short: 2, full: 20 },
  lastsMs: always(0),
  road: 'straight',
  workers: 1,
  goesOn: promised,
  effect: stallsEachTime(1_000), // A worker takes two seconds and more to start.
  inject: ({ stand }) => stand.worker.kill(),
  heal: ({ stand }) => stand.worker.restart(),
};

export const oneWorkerKilled: Fault = {
  name: 'one-of-two-workers-killed',
  title: 'one of two workers killed (SIGKILL)',
  times: { short: 1, full: 10 },
  lastsMs: always(8_000), // The other one must take its lanes over, before the first is back.
  isTakenOver: true,
  road: 'straight',
  workers: 2,
  goesOn: {
    withinMs: 8_000,
    why: 'Temporal gives the batch of the killed worker out again after 4 s without a heartbeat and 1 s until its retry, a workflow task after 5 s and 2 s of the sticky queue',
  },
  effect: stallsOnce(1_500), // Lanes are in its cache for 2 s, if it has any.
  inject: ({ stand, round }) => (round % 2 === 0 ? stand.worker : stand.secondWorker).kill(),
  heal: ({ stand, round }) => (round % 2 === 0 ? stand.worker : stand.secondWorker).restart(),
};

export const workerFrozen: Fault = {
  name: 'worker-frozen',
  title: 'one of two workers frozen (SIGSTOP) for 30 s, then let go on',
  times: { short: 1, full: 2 },
  lastsMs: always(30_000),
  isTakenOver: true,
  road: 'straight',
  workers: 2,
  goesOn: {
    withinMs: 11_000,
    why: 'a frozen worker has polls open until Temporal closes its connections (5 s), so that it may get the task that timed out (5 s) once more',
  },
  effect: stallsOnce(1_500),
  inject: async ({ stand, round }) => signal((round % 2 === 0 ? stand.worker : stand.secondWorker).pid, 'SIGSTOP'),
  heal: async ({ stand, round }) => signal((round % 2 === 0 ? stand.worker : stand.secondWorker).pid, 'SIGCONT'),
};

export const apiKilled: Fault = {
  name: 'api-killed',
  title: 'the API killed (SIGKILL) and started again',
  times: { short: 2, full: 10 },
  lastsMs: always(0),
  road: 'straight',
  workers: 1,
  goesOn: promised,
  effect: answersWith('no answer'),
  inject: ({ stand }) => stand.apiProcess.kill(),
  heal: ({ stand }) => stand.apiProcess.restart(),
};

export const temporalStopped: Fault = {
  name: 'temporal-stopped',
  title: 'Temporal stopped for 5 s and started again',
  times: { short: 1, full: 3 },
  lastsMs: always(5_000),
  road: 'straight',
  workers: 1,
  goesOn: {
    withinMs: 10_000,
    why: 'the worker tries its connection again with growing pauses, and a batch that was out when Temporal ended waits for its heartbeat timeout',
  },
  effect: stallsEachTime(4_000),
  inject: ({ stand }) => stand.temporal.stop(),
  heal: ({ stand }) => stand.temporal.restart(),
};

export const brokerStopped: Fault = {
  name: 'broker-stopped',
  title: 'the broker stopped for 10 s and started again',
  times: { short: 1, full: 5 },
  lastsMs: always(10_000),
  road: 'straight',
  workers: 1,
  goesOn: { withinMs: 8_000, why: "Temporal's retries of a batch are up to 5 s apart" },
  effect: stallsEachTime(8_000),
  inject: ({ stand }) => stand.broker.stop(),
  heal: ({ stand }) => stand.broker.restart(),
};
