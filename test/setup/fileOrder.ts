/** Which test files run beside which, and in what order. The rule for a new file is in vitest.config.ts. */
import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** How many files of a project run at the same time, on two cores or more. */
export const filesAtOnce = { unit: 2, workflow: 2, integration: 3, calm: 2 } as const;

/** The files of the project `calm`; what they hold us to is said beside each. */
export const calmFiles = [
  'continue-as-new', // No POST waits a second.
  'changes-heard', // Within a second.
  'connection-test', // Nobody is held up for longer than the test has.
  'destinations', // Lanes that change are held, and let go, within a second.
  'overload', // 503 within seconds.
  ...['client-errors', 'event-log', 'produce'], // Hold us to nothing; most of their time is waiting.
].map((name) => `test/integration/${name}.test.ts`);

/** Files that take half a minute or more, the longest first. */
const longest = [
  ...['continue-as-new', 'keeper', 'fault-run', 'faults', 'overflow', 'event-log', 'replicas', 'start', 'produce'],
  ...['lane-change', 'replays', 'lane'],
];

const rank = ({ moduleId }: TestSpecification): number => {
  const at = longest.indexOf(basename(moduleId, '.test.ts'));
  return at < 0 ? longest.length : at;
};

/** What takes longest begins first: else one file would still run when all others are over. The others by name, always the same. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const orderOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    return files.toSorted((a, b) => orderOf(a) - orderOf(b) || rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}
