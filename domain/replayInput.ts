/**
 * What a replay is begun with, where it is begun by hand (`temporal workflow start --type replayEvents`, or `discardEvents`): what is left out gets what
 * the API gives it, and what can't be meant is refused by name, for a typo in a filter must not replay all else.
 */
import { parkingErrors } from './failures.ts';
import { isObject } from './isObject.ts';
import { type ReplayAction, type ReplayStart, replayStatuses, replayWorkflowId } from './replay.ts';
import { isSpan, type ReplayFilter } from './replayFilter.ts';
import { isReplayId, replayIdOf } from './replayId.ts';

type Fields = Record<string, unknown>;
type Rule = { expected: string; is: (value: unknown) => boolean };

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const numberTo = (max: number): Rule => ({
  expected: `a whole number of 1 to ${max}`,
  is: (value) => typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= max,
});
const text: Rule = { expected: 'a text that is not empty', is: isText };
const time: Rule = {
  expected: 'a time, for example "2026-01-15T09:30:00Z"',
  is: (value) => typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)),
};
const texts: Rule = {
  expected: 'a list of texts',
  is: (value) => Array.isArray(value) && value.every(isText),
};
const runs: Rule = {
  expected: 'a list of {"workflowId", "runId"}',
  is: (value) =>
    Array.isArray(value) && value.every((one) => isObject(one) && isText(one.workflowId) && isText(one.runId)),
};
const any: Rule = { expected: 'anything', is: () => true };
const object: Rule = { expected: 'an object', is: isObject };

const startRules: Record<keyof ReplayStart, Rule> = {
  id: text,
  of: { expected: `one of ${replayStatuses.join(', ')}`, is: (value) => replayStatuses.some((one) => one === value) },
  filter: object,
  named: object,
  dryRun: { expected: 'true or false', is: (value) => typeof value === 'boolean' },
  eventsPerSecond: numberTo(10_000),
  eventsMax: numberTo(100_000_000),
  ...{ historySince: time, reason: text, by: text, limits: any },
};
const filterRules: Record<keyof ReplayFilter, Rule> = {
  destinationId: text,
  customerExternalId: {
    expected: 'a customer without quotes and backslashes in its name; give destinationId in place of it',
    is: (value) => typeof value === 'string' && /^[^"'\\]+$/.test(value),
  },
  ...{ eventType: text, acceptedFrom: time, acceptedTo: time, parkedFrom: time, parkedTo: time },
  error: {
    expected: `one of ${parkingErrors.join(', ')}`,
    is: (value) => parkingErrors.some((one) => one === value),
  },
};
const namedRules: Record<string, Rule> = { ids: texts, lanes: texts, runs };

/** The first thing that is wrong with these fields. */
function wrongIn(fields: Fields, rules: Record<string, Rule>, before = ''): string | undefined {
  for (const [name, value] of Object.entries(fields)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule) return `${before}${name} is not known. Expected: ${Object.keys(rules).join(', ')}`;
    if (value !== undefined && !rule.is(value)) return `${before}${name} is wrong: expected ${rule.expected}`;
  }
  return undefined;
}

const nameExpected =
  'The workflow id is wrong: expected replay:rpl_… of letters, numbers, - and _ after "replay:", 30 at the most';

/** The workflow that it is begun as, and the first run of its chain. */
type Begun = { workflowId: string; firstExecutionRunId: string };

/** The start, whole; or what is wrong with it. Where it has no id of its own, it has one that no other has: lanes take a part once. */
export function replayStartFrom(
  input: unknown,
  { workflowId, firstExecutionRunId }: Begun,
  action: ReplayAction = 'replay',
): ReplayStart | { problem: string } {
  if (!isObject(input)) return { problem: 'The input is no object. Expected: {"of": "delivered", "filter": {…}}' };
  const { filter = {}, named } = input;
  if (!isObject(filter)) return { problem: 'filter is wrong: expected an object' };
  if (named !== undefined && !isObject(named)) return { problem: 'named is wrong: expected an object' };
  const wrong =
    wrongIn(input, startRules) ?? wrongIn(filter, filterRules, 'filter.') ?? wrongIn(named ?? {}, namedRules, 'named.');
  if (wrong !== undefined) return { problem: wrong };
  const id = replayIdOf(workflowId.replace(replayWorkflowId(''), ''), firstExecutionRunId);
  if (!isReplayId(input.id ?? id)) return { problem: nameExpected };
  const defaults = { id, of: 'parked', dryRun: false, by: 'temporal' };
  // Each field was looked at above.
  const start = {
    ...{ ...defaults, eventsPerSecond: 200, eventsMax: 1_000_000, ...input, filter },
    ...(named && { named: { ids: [], lanes: [], runs: [], ...named } }),
  } as ReplayStart;
  if (action === 'discard' && start.of !== 'parked') {
    return { problem: 'of is wrong: expected "parked", for dead letters alone can be given up' };
  }
  return contradictionIn(start) ?? start;
}

function contradictionIn({ of, filter, named }: ReplayStart): { problem: string } | undefined {
  const { destinationId, customerExternalId, error, parkedFrom, parkedTo, acceptedFrom, acceptedTo } = filter;
  const more = Object.entries(filter).find(([name, value]) => name !== 'destinationId' && value !== undefined);
  if (named && more) {
    return { problem: `filter.${more[0]} is wrong: expected no filter but destinationId beside named events` };
  }
  if (!named && destinationId === undefined && customerExternalId === undefined) {
    return { problem: 'The filter selects nothing: expected destinationId or customerExternalId' };
  }
  if (!isSpan(acceptedFrom, acceptedTo)) return { problem: 'filter.acceptedTo is wrong: it ends before it begins' };
  if (!isSpan(parkedFrom, parkedTo)) return { problem: 'filter.parkedTo is wrong: it ends before it begins' };
  const isOfParked = [error, parkedFrom, parkedTo].some((one) => one !== undefined);
  if (!isOfParked || of === 'parked') return undefined;
  return {
    problem: 'of is wrong: expected "parked" with error, parkedFrom and parkedTo, which only a dead letter has',
  };
}
