import type { z } from '@hono/zod-openapi';

/** What is wrong with one field of a request, in the words of an answer. `field` is a path: `auth.password`, `brokers.0`. */
export type FieldProblem = { field: string; problem: string; expected: string };

/** Of an object's unknown fields so many are named: the answer must not be larger than the request. */
const unknownFieldsMax = 50;

type Issue = z.core.$ZodIssue;

/**
 * The issues of a failed check, as a person needs them; `whole` names what was checked, where no field of it is meant. Our
 * schemas' messages say what is expected; what is wrong comes from the kind of issue, or from `params.problem` of a custom
 * one. Values are never shown: they may be secrets.
 */
export const fieldProblemsOf = (issues: readonly Issue[], checked: unknown, whole = '(body)'): FieldProblem[] =>
  issues.flatMap((issue) => {
    const field = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') {
      return [{ field: field || whole, problem: problemOf(issue, checked), expected: issue.message }];
    }
    return issue.keys.slice(0, unknownFieldsMax).map((key) => ({
      field: field === '' ? key : `${field}.${key}`,
      problem: 'is not a known field',
      expected: issue.message,
    }));
  });

function problemOf(issue: Issue, checked: unknown): string {
  const value = valueAt(checked, issue.path);
  if (value === undefined) return 'is missing';
  if (issue.code === 'custom') return typeof issue.params?.problem === 'string' ? issue.params.problem : 'is not valid';
  if (issue.code === 'invalid_type') return `is ${kindOf(value)}`;
  if (issue.code === 'too_small') return sizeProblem(issue.origin, 'small');
  if (issue.code === 'too_big') return sizeProblem(issue.origin, 'large');
  if (issue.code === 'invalid_format') return 'has the wrong form';
  return 'is none of the allowed values';
}

const sizeProblem = (origin: string, size: 'small' | 'large'): string => {
  if (origin === 'string') return size === 'small' ? 'is too short' : 'is too long';
  if (origin === 'array') return size === 'small' ? 'has too few entries' : 'has too many entries';
  return `is too ${size}`;
};

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a number with a fraction';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = Reflect.get(at, name);
  }
  return at;
}
