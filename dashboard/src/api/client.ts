import type { Problem } from './types.ts';

/** What the API refused, and why; or that it could not be asked. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  constructor(
    readonly problem: Problem,
    readonly requestId?: string,
  ) {
    super(problem.detail);
  }
}

export type Query = Record<string, string | number | boolean | undefined>;
export type Ask = {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: Query | undefined;
  body?: unknown;
  /** So that a request which is sent again is done once. */
  idempotencyKey?: string;
  ifMatch?: string;
  /** It is sent even where the page is left at once. */
  keepalive?: boolean;
  signal?: AbortSignal | undefined;
};

/** Of the session: shown to the API with each request that changes something. */
let csrfToken: string | undefined;
export const setCsrfToken = (token: string | undefined): void => {
  csrfToken = token;
};

let onCsrfRefused = (): void => {};
/** Calls this when the API says that the session is another one than the token's. */
export const whenCsrfRefused = (call: () => void): void => {
  onCsrfRefused = call;
};

/** The path with what the query has; fields without a value are left out. */
export function withQuery(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? path : `${path}?${text}`;
}

/** The answer's JSON; its type is what the route's schema says, which the caller names. Throws {@link ApiProblem}. */
export async function ask<Answer>(path: string, asked: Ask = {}): Promise<Answer> {
  const { method = 'GET', query, body, idempotencyKey, ifMatch, keepalive = false, signal } = asked;
  const headers = new Headers({ accept: 'application/json' });
  if (body !== undefined) headers.set('content-type', 'application/json');
  if (method !== 'GET' && csrfToken !== undefined) headers.set('x-csrf-token', csrfToken);
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey);
  if (ifMatch !== undefined) headers.set('if-match', ifMatch);
  const init: RequestInit = { method, headers, credentials: 'same-origin', keepalive, signal: signal ?? null };
  if (body !== undefined) init.body = JSON.stringify(body);
  const answer = await fetch(withQuery(path, query), init).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiProblem(unreachable);
  });
  if (!answer.ok) {
    const problem = await problemIn(answer);
    if (problem.code === 'csrf') onCsrfRefused();
    throw new ApiProblem(problem, answer.headers.get('x-request-id') ?? undefined);
  }
  // 204 has no body, and its callers ask for none.
  return (answer.status === 204 ? undefined : await answer.json()) as Answer;
}

const unreachable: Problem = {
  type: 'about:blank',
  title: 'The API could not be reached',
  status: 0,
  detail: 'Check the network, and whether the API runs; then try again. What a page shows live comes back by itself.',
  code: 'unreachable',
};

async function problemIn(answer: Response): Promise<Problem> {
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true;
  const found: unknown = isProblem ? await answer.json().catch(() => undefined) : undefined;
  if (typeof found === 'object' && found !== null && 'code' in found) return found as Problem; // What the API's problems are.
  const detail = `The answer was HTTP ${answer.status}, from something between this page and the API. Try again in a moment.`;
  return { type: 'about:blank', title: 'Not an answer of the API', status: answer.status, detail, code: 'no_problem' };
}

/** What the API said of any error; of one that it did not say, something to show all the same. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ApiProblem) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { type: 'about:blank', title: 'Something failed in this page', status: 0, detail, code: 'page_error' };
}

/** Whether the API may have begun, or done, what this says could not be done: no answer, or one of a failure of its own. */
export function mayBeBegun(error: unknown): boolean {
  const { status } = problemOf(error);
  return status === 0 || status >= 500;
}

/** What the API says of a field, or of what is inside it. */
export function fieldError(error: unknown, field: string): string | undefined {
  const found = problemOf(error).errors?.find((one) => one.field === field || one.field.startsWith(`${field}.`));
  return found && `${found.field === field ? '' : `${found.field} `}${found.problem}: expected ${found.expected}`;
}
