/** `npm test`: what the tests stand on is installed, then they run. Arguments go to vitest, e.g. `npm test -- test/unit`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { TestError } from 'vitest';
import { parseCLI, startVitest, type Vitest } from 'vitest/node';
import { dashboardUpToDate } from './dashboard/upToDate.ts';
import { installParts } from './servers/parts.ts';
import { say } from './servers/progress.ts';

type Count = { passed: number; failed: number /** Those that failed at first, and why. */; atSecondTry: string[] };

const reasonCharsMax = 1_500;

/** Of whoever must find out whether it was the machine or a wrong result: vitest itself says it only of a test that fails twice. */
function firstTry({ errors = [] }: { errors?: readonly TestError[] | undefined }): string {
  const [error] = errors;
  const place = error?.stacks?.[0];
  const at = place && `at ${relative(process.cwd(), place.file)}:${place.line}`;
  const cause = error?.cause && `caused by: ${error.cause.message}`;
  const why = [error?.message, cause, error?.diff].map((text) => text?.slice(0, reasonCharsMax));
  return [...why, at].flatMap((text) => text?.split('\n') ?? []).join('\n    ');
}

/** Tests, and what failed outside of any test: a file that can't be read, an error that nobody caught. */
function count(vitest: Vitest): Count {
  const result: Count = { passed: 0, failed: vitest.state.getUnhandledErrors().length, atSecondTry: [] };
  for (const testModule of vitest.state.getTestModules()) {
    const failedBefore = result.failed;
    for (const test of testModule.children.allTests()) {
      const outcome = test.result();
      if (test.diagnostic()?.flaky) {
        result.atSecondTry.push(`${testModule.relativeModuleId} > ${test.fullName}\n    ${firstTry(outcome)}`);
      }
      if (outcome.state === 'passed') result.passed += 1;
      if (outcome.state === 'failed') result.failed += 1;
    }
    if (!testModule.ok() && result.failed === failedBefore) result.failed += 1;
  }
  return result;
}

/** Unit tests need no server. */
function needsServers(filters: readonly string[], projects: readonly string[]): boolean {
  if (projects.length > 0) return projects.some((project) => project !== 'unit');
  return filters.length === 0 || filters.some((filter) => !filter.replace(/^\.\//, '').startsWith('test/unit'));
}

/**
 * For every Java machine that the tests start, the brokers and the time-skipping servers: most live for seconds, and the second, slower
 * compiler costs them more than it gains. A broker is up with half of the CPU.
 */
const javaOptions = '-XX:TieredStopAtLevel=1';

async function main(): Promise<void> {
  process.env.JAVA_TOOL_OPTIONS = [process.env.JAVA_TOOL_OPTIONS, javaOptions].filter(Boolean).join(' ');
  const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)]);
  const dir = await mkdtemp(join(tmpdir(), 'causeway-test-'));
  process.env.CAUSEWAY_TEST_DIR = dir;
  if (needsServers(filter, [options.project ?? []].flat())) {
    await installParts({ forTests: true });
    await dashboardUpToDate();
  }
  const vitest = await startVitest('test', filter, { ...options, watch: false });
  const { passed, failed, atSecondTry } = count(vitest);
  await vitest.close(); // The shared servers stop here.
  const isGood = failed === 0 && passed > 0 && !process.exitCode;
  // What failed at first is looked into as what failed.
  if (isGood && atSecondTry.length === 0) await rm(dir, { recursive: true, force: true });
  else say(`The logs of servers, API and workers are in ${dir}.`);
  if (passed + failed === 0) say('No test ran.');
  if (atSecondTry.length > 0) say(`Passed at the second try only:\n${atSecondTry.join('\n')}`);
  console.log(`${passed} passed, ${failed} failed`);
  // Exit even where a test left a timer or a socket behind: the result is known.
  process.exit(isGood ? 0 : 1);
}

// The channel to bootstrap.mjs closes when that is killed: the watchdog then ends what we started.
process.on('disconnect', () => process.exit(1));
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
