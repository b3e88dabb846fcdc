/** The answer of an HTTP call, read whole. */
export type Answer<Body = unknown> = {
  status: number;
  headers: Headers;
  text: string;
  /** The text as JSON; undefined where it is none. */
  body: Body;
};

/** An event as a test writes it; or the JSON text itself, where its very bytes matter. */
export type Sent = Record<string, unknown> | string;

export type TestApi = {
  url: string;
  key: string;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  get(path: string): Promise<Answer>;
  post(event: Sent, headers?: Record<string, string>): Promise<Answer>;
  /** A JSON array of events, or the body itself: NDJSON with its content type, for one. */
  postBatch(events: Sent[] | string, headers?: Record<string, string>): Promise<Answer>;
};

/** Undefined where it is no JSON. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const jsonText = (event: Sent): string => (typeof event === 'string' ? event : JSON.stringify(event));

/** Calls of the API with the key of this Causeway. */
export function testApi(url: string, key: string): TestApi {
  const request: TestApi['request'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) };
  };
  return {
    url,
    key,
    request,
    get: (path) => request('GET', path),
    post: (event, headers) => request('POST', '/v1/events', jsonText(event), headers),
    postBatch: (events, headers) => {
      const body = typeof events === 'string' ? events : `[${events.map(jsonText).join(',')}]`;
      return request('POST', '/v1/events/batch', body, headers);
    },
  };
}
