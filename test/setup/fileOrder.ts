/** Which test files run beside which, and in what order. The rule for a new file is in vitest.config.ts. */
import { basename } from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** How many files of a project run at the same time on two cores: two integration files keep both busy, one workflow file did not. */
export const filesAtOnce = { unit: 2, workflow: 2, integration: 2, calm: 2, alone: 1, browser: 1 } as const;

const named = (names: readonly string[]): string[] => names.map((name) => `test/integration/${name}.test.ts`);

/** The files of the project `calm`; what they hold us to is said beside each. */
export const calmFiles = named([
  'continue-as-new', // No POST waits a second.
  'changes-heard', // Within a second.
  'api-keys', // A key that is revoked opens nothing in another process, within a second.
  'connection-test', // Nobody is held up for longer than the test has.
  'destinations', // Lanes that change are held, and let go, within a second.
  'overload', // 503 within seconds.
  ...['client-errors', 'keeper-looks', 'produce'], // Hold us to nothing; most of their time is waiting.
]);

/** The files of the project `alone`. */
export const aloneFiles = named([
  'keeper', // Hundreds of lanes deliver within a minute.
  'many-letters', // A hundred thousand dead letters are listed, counted and given up within a minute.
  'rotation', // Nothing is there twice: no attempt is given up for being slow.
  'start', // Up again within 20 seconds.
]);

/** Files that take half a minute or more, the longest first. */
const first = [
  ...['continue-as-new', 'fault-run', 'faults', 'overflow', 'event-log', 'replicas', 'start', 'produce'],
  ...[
    'fuzz',
    'lane-change',
    'backlog-memory',
    'ssrf-api',
    'hostile-events',
    'ssrf',
    'delivered-replays',
    'replays',
    'lane',
  ],
];
/** The files of a project by this number, and where that is the same by name. */
function rank({ moduleId }: TestSpecification): number {
  const at = first.indexOf(basename(moduleId, '.test.ts'));
  return at < 0 ? first.length : at;
}

/** What takes longest begins first: else one file would still run when all others are over. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const orderOf = ({ project }: TestSpecification): number => project.config.sequence.groupOrder;
    return files.toSorted((a, b) => orderOf(a) - orderOf(b) || rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}
