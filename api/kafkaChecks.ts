/** Whether customers' Kafkas can be delivered to: a connection test of each destination, as far as time allows. */
import type { Client } from '@temporalio/client';
import { testConnection } from '../activities/kafka/connectionTest.ts';
import { Turns } from '../activities/turns.ts';
import type { VisibilityPace } from '../activities/visibilityPace.ts';
import { keeperWorkflowId, keeperWorkflowType } from '../domain/keeper.ts';
import type { Destinations } from '../store/destinations.ts';
import { type Found, failing, ok, warning } from './found.ts';
import type { Check } from './schemas/checks.ts';

/** So many destinations are asked, some at once, each for so long at the most, and none later than after so long; in ms. */
const defaultLimits = { askedMax: 40, atOnceMax: 20, testMsMax: 5_000, beginWithinMs: 5_000 };
const keepersMsMax = 2_000;
const keepersMax = 40;
/** So many of those that can't be delivered to have a row of their own. */
const rowsMax = 10;

export type KafkaCheckDependencies = {
  destinations: Pick<Destinations, 'open' | 'newest'>;
  /** Ids of destinations that lanes hold for. */
  held(): Promise<string[]>;
  limits?: typeof defaultLimits;
};

/**
 * Tests the destinations that lanes hold for, then the newest of the others, without writing. A row for all, and one for each that
 * can't be delivered to: that is its customer's to mend, so it is a warning. Rejects as the store does.
 */
export async function kafkaChecks(known: KafkaCheckDependencies): Promise<Check[]> {
  const { askedMax, atOnceMax, testMsMax, beginWithinMs } = known.limits ?? defaultLimits;
  const held = await known.held().catch(() => []); // The checks of Temporal say that it does not answer.
  const { ids, count } = await known.destinations.newest(askedMax);
  const chosen = [...new Set([...held, ...ids])].slice(0, askedMax);
  const endMs = performance.now() + beginWithinMs;
  const turns = new Turns({ atOnce: atOnceMax, waiting: askedMax }, 'Too many destinations are asked at once.');
  const asking = chosen.map((id) =>
    turns.take(async () => (performance.now() < endMs ? await tested(known, id, testMsMax) : 'notInTime')),
  );
  const answers = await Promise.all(asking);
  const asked = answers.filter((answer) => answer !== 'notInTime' && answer !== 'notMeant');
  const late = answers.filter((answer) => answer === 'notInTime').length;
  const bad = asked.flatMap((answer) => (typeof answer === 'object' ? [answer] : []));
  const all = `${asked.length} of ${Math.max(count, asked.length)} destinations were asked`;
  if (count === 0 && asked.length === 0) return [{ name: 'kafka', ...ok('there is no destination to ask') }];
  const oneByOne = 'causeway destinations test <destination> asks one, step by step.';
  const summary =
    bad.length === 0 && late === 0
      ? ok(`${all}: they can be delivered to`)
      : warning(
          `${all}: ${bad.length} can't be delivered to${late > 0 ? `, and for ${late} there was no time` : ''}`,
          bad.length > 0 ? `See the rows of each. ${oneByOne}` : oneByOne,
        );
  return [{ name: 'kafka', ...summary }, ...bad.slice(0, rowsMax)];
}

/** The destinations that have a keeper: lanes hold for them, or did a moment ago. */
export async function keptDestinations(temporal: Client, taskQueue: string, pace: VisibilityPace): Promise<string[]> {
  const { namespace } = temporal.options;
  const query = `WorkflowType="${keeperWorkflowType}" AND TaskQueue="${taskQueue}" AND ExecutionStatus="Running"`;
  const { executions } = await pace.shared('keepers', () =>
    temporal.connection.withDeadline(Date.now() + keepersMsMax, () =>
      temporal.workflowService.listWorkflowExecutions({ namespace, query, pageSize: keepersMax }),
    ),
  );
  return (executions ?? []).flatMap(({ execution }) => execution?.workflowId?.slice(keeperWorkflowId('').length) ?? []);
}

/** A row where it can't be delivered to. Nobody asks one that a person has paused or disabled. */
async function tested(
  { destinations }: KafkaCheckDependencies,
  id: string,
  timeoutMs: number,
): Promise<Check | 'well' | 'notMeant'> {
  const name = `kafka ${id}`;
  const opened = await destinations.open(id).catch((error: unknown) => {
    if (error instanceof Error) return error;
    throw error;
  });
  if (opened instanceof Error)
    return { name, ...failing(opened.message, 'See that the API has the key ring of the store.') };
  if (!opened?.enabled || opened.paused) return 'notMeant';
  const { passed, steps } = await testConnection(opened, { sendTestEvent: false, timeoutMs });
  if (passed) return 'well';
  const failed = steps.findLast(({ outcome }) => outcome === 'failed');
  const error = failed?.error;
  const where = failed ? `${failed.step}${failed.broker === undefined ? '' : ` at ${failed.broker}`}` : 'the test';
  const found: Found = warning(
    `${opened.name} of ${opened.customerExternalId}: ${where}: ${error ? `${error.name}: ${error.message}` : 'failed'}`,
    error?.remedy ?? `causeway destinations test ${id} says more.`,
  );
  return { name, ...found };
}
