import { defineConfig } from 'vitest/config';
import { aloneFiles, calmFiles, filesAtOnce, LongestFirst } from './test/setup/fileOrder.ts';

const minutes = 60_000;
const timeouts = { testTimeout: 2 * minutes, hookTimeout: 3 * minutes };

/** The Temporal SDK loads our payload converter, which is TypeScript, by `require`: for that alone tsx is here, `--import tsx` costs each file 0.6 s more. */
const execArgv = ['--require', 'tsx/cjs'];

/**
 * Tests on real servers bear a machine that is busy, not every machine: one that fails is run once more, and `npm test` names at its end each
 * that passed only then. Under a wrong result a test fails twice.
 */
const retry = 1;

const onSharedServers = {
  execArgv,
  isolate: false,
  retry,
  globalSetup: ['test/setup/servers.ts'],
  setupFiles: ['test/setup/leftovers.ts'],
  ...timeouts,
};

/**
 * Which project a test file is in, and so what runs beside it:
 *
 * - `unit`: no server, no process; a file takes seconds. Files share a process and what it has loaded, here and on real servers, which saves
 *   two fifths of their CPU (105 s to 61 s), so a file leaves no state in a module.
 * - `workflow`: workflow code on time-skipping servers, one for each test.
 * - `integration`: real servers. Files run at the same time, for most of their time is waiting. So a file must bear a machine that has
 *   twice as much to do as it can: it waits for conditions, and bounds no time. Kafka and Postgres are shared by all, so
 *   databases, topics, customers and ids are the test's own, and so is what it stops (`ownTemporal`, `ownKafka`, a Causeway). A file
 *   that takes half a minute or more is named in `first`, so that nobody waits for it at the end.
 * - `calm`: those of them that hold us to a time which we promise (`calmFiles`), with one file beside them that lets them.
 * - `alone`: those that do so, and keep the machine busy themselves (`aloneFiles`), one after another.
 * - `browser`: the dashboard in a Chromium, which keeps a core busy; pages are held to a second, so one after another, too.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          isolate: false,
          ...timeouts,
          maxWorkers: filesAtOnce.unit,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'workflow',
          include: ['test/workflow/**/*.test.ts'],
          execArgv,
          retry,
          globalSetup: ['test/setup/workflowCode.ts'],
          ...timeouts,
          maxWorkers: filesAtOnce.workflow,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          exclude: [...calmFiles, ...aloneFiles],
          ...onSharedServers,
          maxWorkers: filesAtOnce.integration,
          sequence: { groupOrder: 2 },
        },
      },
      {
        test: {
          name: 'calm',
          include: calmFiles,
          ...onSharedServers,
          maxWorkers: filesAtOnce.calm,
          sequence: { groupOrder: 3 },
        },
      },
      {
        test: {
          name: 'alone',
          include: aloneFiles,
          ...onSharedServers,
          maxWorkers: filesAtOnce.alone,
          sequence: { groupOrder: 4 },
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          ...onSharedServers,
          maxWorkers: filesAtOnce.browser,
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
