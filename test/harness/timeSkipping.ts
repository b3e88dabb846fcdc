/** What tests of workflows stand on: our workflow code, and a Temporal that skips the time in which nothing happens. */
import { isGrpcDeadlineError, type WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { DefaultLogger, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import { afterEach, beforeAll, beforeEach, inject } from 'vitest';
import { searchAttributesToAdd } from '../../api/searchAttributes.ts';
import { dataConverter } from '../../domain/dataConverter.ts';

export type TimeSkipping = {
  /** The server of the test that runs. */
  readonly env: TestWorkflowEnvironment;
  /** A worker of our workflows. */
  workflowWorker(taskQueue: string, more?: Partial<WorkerOptions>): Promise<Worker>;
};

const quiet = new DefaultLogger('ERROR');

const startsMax = 3;

/** The SDK gives the server five seconds to start, which a busy machine may not have: it is started again. */
async function started(): Promise<TestWorkflowEnvironment> {
  const executable = { type: 'existing-path', path: inject('timeSkippingServer') } as const;
  for (let starts = 1; ; starts++) {
    try {
      return await TestWorkflowEnvironment.createTimeSkipping({ server: { executable }, client: { dataConverter } });
    } catch (error) {
      if (starts >= startsMax || !String(error).includes('did not start within')) throw error;
    }
  }
}

async function start(): Promise<TestWorkflowEnvironment> {
  const env = await started();
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: searchAttributesToAdd,
  });
  return env;
}

/** Gives each test of this `describe` a server of its own, and all of them the same code. */
export function timeSkipping(): TimeSkipping {
  let env: TestWorkflowEnvironment | undefined;
  const workflowBundle = { code: inject('workflowCode') };
  beforeAll(() => {
    Runtime.install({ logger: quiet, telemetryOptions: { logging: { filter: 'ERROR', forward: {} } } });
  });
  // A server for each test: an activity that a terminated lane leaves behind stops the server's clock for good.
  beforeEach(async () => {
    env = await start();
  });
  afterEach(() => env?.teardown());
  const running = (): TestWorkflowEnvironment => {
    if (!env) throw new Error('No test runs.');
    return env;
  };
  return {
    get env() {
      return running();
    },
    workflowWorker: (taskQueue, more = {}) =>
      Worker.create({ connection: running().nativeConnection, taskQueue, workflowBundle, dataConverter, ...more }),
  };
}

const answerWithinMs = 3_000;
const triesMax = 10;

/**
 * A query's answer. Asked again where none comes: one that reaches a run before its first workflow task is over is never
 * answered by this server, and the client would notice after 90 s.
 */
export async function ask<T>({ env }: TimeSkipping, handle: WorkflowHandle, query: string): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await env.connection.withDeadline(Date.now() + answerWithinMs, () => handle.query<T>(query));
    } catch (error) {
      const causes = error instanceof Error ? [error, error.cause] : [];
      if (tries >= triesMax || !causes.some(isGrpcDeadlineError)) throw error;
    }
  }
}
