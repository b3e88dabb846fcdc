import type { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { CausewayError } from '../domain/error.ts';
import type { Scope } from '../domain/scope.ts';
import { type FieldProblem, fieldProblemsOf } from './fieldProblems.ts';
import { problemRowOf } from './problemRows.ts';
import { ScopeMissing } from './scopes.ts';

/** The body of every answer that is an error: RFC 9457, `application/problem+json`. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  /** For programs: it stays, whatever the texts become. */
  code: string;
  errors?: FieldProblem[];
  missingScope?: Scope;
};

/** A request that is refused for its fields. */
export class FieldsRefused extends CausewayError {
  constructor(
    readonly errors: readonly FieldProblem[],
    code: 'validation_failed' | 'request_invalid' = 'validation_failed',
  ) {
    super(code, errors.map(({ field, problem, expected }) => `${field} ${problem}: expected ${expected}`).join('; '));
  }
}

/** A failed check of a request's part: of the body 422, of anything else 400. */
export const fieldsRefused = (error: z.core.$ZodError, checked: unknown, isBody: boolean): FieldsRefused =>
  new FieldsRefused(fieldProblemsOf(error.issues, checked), isBody ? 'validation_failed' : 'request_invalid');

/** What an error says to the sender. Nothing is shown of one that was not made to be shown. */
export function problemOf(error: unknown): Problem {
  const known = asCausewayError(error);
  const row = problemRowOf(known?.code ?? '');
  const errors = errorsOf(known);
  return {
    type: `urn:causeway:problem:${row.code}`,
    title: row.title,
    status: row.status,
    detail: row.detail ?? known?.remedy ?? row.title,
    code: row.code,
    ...(errors && { errors: [...errors] }),
    ...(known instanceof ScopeMissing && { missingScope: known.scope }),
  };
}

function errorsOf(error: CausewayError | undefined): readonly FieldProblem[] | undefined {
  return error instanceof FieldsRefused ? error.errors : undefined;
}

/** Hono and its validators throw HTTPException, by status. */
const codeOfStatus = new Map([
  [400, 'malformed_json'],
  [404, 'not_found'],
  [413, 'body_too_large'],
  [415, 'content_type_unsupported'],
]);
const remedyOfCode = new Map([
  ['malformed_json', 'The body can not be read as JSON. Send one JSON object, as UTF-8.'],
  ['content_type_unsupported', 'Send the body with content-type: application/json.'],
]);

function asCausewayError(error: unknown): CausewayError | undefined {
  if (error instanceof CausewayError) return error;
  const code = error instanceof HTTPException ? codeOfStatus.get(error.status) : undefined;
  return code === undefined ? undefined : new CausewayError(code, remedyOfCode.get(code) ?? problemRowOf(code).title);
}

/** RFC 6750, section 3. */
const bearer = 'Bearer realm="causeway"';

/** The HTTP answer for an error, with `Retry-After` where sending again is the remedy. */
export function answerProblem(c: Context, error: unknown): Response {
  const problem = problemOf(error);
  const { status, retryAfterS } = problemRowOf(problem.code);
  const headers = {
    'content-type': 'application/problem+json',
    ...(retryAfterS !== undefined && { 'retry-after': String(retryAfterS) }),
    ...(status === 401 && { 'www-authenticate': bearer }),
    ...(problem.missingScope && {
      'www-authenticate': `${bearer}, error="insufficient_scope", scope="${problem.missingScope}"`,
    }),
  };
  return c.body(JSON.stringify(problem), status, headers);
}
