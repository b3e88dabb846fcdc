import type { Session } from '../../api/schemas/session.ts';
import { type Answer, parsed } from './api.ts';

/** A request as a browser makes it: without an API key, with what cookies there are. */
export async function browserRequest(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, body: parsed(text) };
}

export type SignedIn = {
  /** name=value. */
  cookie: string;
  session: Session;
  /** As the dashboard's pages make it; headers that are given win. `at`: another API process. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>, at?: string): Promise<Answer>;
};

/** Signs in at the API. Throws unless it is let in. */
export async function signIn(
  url: string,
  who: { apiKey: string } | { portalToken: string },
  headers: Record<string, string> = {},
): Promise<SignedIn> {
  const answer = await browserRequest(url, 'POST', '/v1/session', { body: who, headers });
  if (answer.status !== 201) throw new Error(`POST /v1/session answered ${answer.status}: ${answer.text}`);
  const session = answer.body as Session;
  const [cookie = ''] = (answer.headers.get('set-cookie') ?? '').split(';');
  return {
    cookie,
    session,
    request: (method, path, body, more = {}, at = url) =>
      browserRequest(at, method, path, { body, headers: { cookie, 'x-csrf-token': session.csrfToken, ...more } }),
  };
}
