import { expect } from 'vitest';
import type { Answer } from './api.ts';

/** Expects the answer to be a problem document with this status and code, and returns it for a closer look. */
export function expectProblem(answer: Answer, status: number, code: string): ProblemBody {
  expect(answer, answer.text).toMatchObject({ status, body: { status, code } });
  expect(answer.headers.get('content-type')).toBe('application/problem+json');
  expect(answer.headers.get('x-request-id')).toMatch(/./);
  const retryAfter = answer.headers.get('retry-after');
  if (status === 503) expect(Number(retryAfter)).toBeGreaterThan(0);
  // The body was just held against this.
  const problem = answer.body as ProblemBody;
  expect(problem).toMatchObject({
    type: `urn:causeway:problem:${code}`,
    title: expect.stringMatching(/./),
    detail: expect.stringMatching(/./),
  });
  return problem;
}

export type ProblemBody = {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  missingScope?: string;
  errors?: { field: string; problem: string; expected: string }[];
};
