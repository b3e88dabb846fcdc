import { Client, type Dispatcher } from 'undici';

/** An answer; `status` 0 and the error's text where there was none. */
export type Answer = { status: number; text: string; retryAfterMs: number };

const secondsOf = (header: string | string[] | undefined): number => {
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 1;
};

/** One keep-alive connection with one request at a time on it; undici's own reader, without its streams. */
export class HttpConnection {
  private readonly client: Client;

  constructor(
    url: string,
    private readonly headers: Record<string, string>,
    timeoutMs: number,
  ) {
    this.client = new Client(url, {
      pipelining: 1,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: { timeout: timeoutMs },
    });
  }

  /** The text is read only of an answer that is not 202: the answer to most events is thrown away. */
  post(path: string, body: string): Promise<Answer> {
    return new Promise((resolve) => {
      let status = 0;
      let retryAfterMs = 0;
      let text = '';
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart: () => {},
        onResponseStart: (_controller, statusCode, headers) => {
          status = statusCode;
          if (statusCode === 503) retryAfterMs = secondsOf(headers['retry-after']) * 1_000;
        },
        onResponseData: (_controller, chunk) => {
          if (status !== 202) text += chunk.toString();
        },
        onResponseEnd: () => resolve({ status, text, retryAfterMs }),
        onResponseError: (_controller, error) => resolve({ status: 0, text: error.message, retryAfterMs: 0 }),
      };
      this.client.dispatch({ path, method: 'POST', headers: this.headers, body }, handler);
    });
  }

  close(): Promise<void> {
    return this.client.destroy();
  }
}
