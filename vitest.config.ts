import { defineConfig } from 'vitest/config';

const minutes = 60_000;

/** Files one after the other: each brings up processes of its own, and a machine may have two cores. */
const oneByOne = { fileParallelism: false, testTimeout: 2 * minutes, hookTimeout: 3 * minutes };

/** The Temporal SDK loads our payload converter, which is TypeScript, by `require`. */
const execArgv = ['--import', 'tsx'];

export default defineConfig({
  test: {
    projects: [
      {
        test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 30_000, sequence: { groupOrder: 0 } },
      },
      {
        // Needs the time-skipping Temporal server alone.
        test: {
          name: 'workflow',
          include: ['test/workflow/**/*.test.ts'],
          execArgv,
          ...oneByOne,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          execArgv,
          globalSetup: ['test/setup/servers.ts'],
          setupFiles: ['test/setup/leftovers.ts'],
          ...oneByOne,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
