import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { CliFailure, type Exit } from './failure.ts';
import type { Settings } from './settings.ts';

const requestTimeoutMs = 30_000;
/** An answer that says "not now" is taken for one after so many tries, or where the next one would begin later than this, in ms. */
const triesMax = 3;
const patienceMs = 10_000;
const waitMsMax = 5_000;

const problemSchema = z.object({ code: z.string(), title: z.string(), detail: z.string() });
const healthSchema = z.object({ checks: z.record(z.string(), z.enum(['ok', 'failing'])) });

/** The API of one Causeway. Every method throws {@link CliFailure}. */
export class Api {
  constructor(
    private readonly settings: Settings,
    private readonly stop: AbortSignal,
  ) {}

  get url(): string {
    return this.settings.url;
  }

  get<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return this.asked('GET', path, schema);
  }

  /** `once` names the request: where the same comes again, after an unclear answer, it is done once. */
  post<Schema extends z.ZodType>(path: string, schema: Schema, body: unknown, once: string): Promise<z.output<Schema>> {
    return this.asked('POST', path, schema, { body: JSON.stringify(body), once });
  }

  delete<Schema extends z.ZodType>(path: string, schema: Schema): Promise<z.output<Schema>> {
    return this.asked('DELETE', path, schema);
  }

  /** What `/healthz` says of each thing that the API stands on, and when; it needs no key. Undefined where it says nothing. */
  async health(): Promise<{ checks: Record<string, 'ok' | 'failing'>; at: string | null } | undefined> {
    const response = await this.fetched('GET', '/healthz');
    const read = healthSchema.safeParse(await jsonOf(response));
    return read.success ? { checks: read.data.checks, at: response.headers.get('date') } : undefined;
  }

  private async asked<Schema extends z.ZodType>(
    method: string,
    path: string,
    schema: Schema,
    sent?: { body: string; once: string },
  ): Promise<z.output<Schema>> {
    const startedAtMs = performance.now();
    for (let tries = 1; ; tries++) {
      const response = await this.fetched(method, path, sent);
      const waitMs = Math.min(Number(response.headers.get('retry-after')) * 1_000, waitMsMax);
      const isEarly = performance.now() - startedAtMs + waitMs < patienceMs;
      if ((response.status === 503 || response.status === 429) && waitMs > 0 && tries < triesMax && isEarly) {
        await sleep(waitMs, undefined, { signal: this.stop }).catch(() => undefined);
        continue;
      }
      const body = await jsonOf(response);
      if (!response.ok) throw this.refused(response.status, body);
      const read = schema.safeParse(body);
      if (!read.success) throw this.notOurs(`${method} ${path} was answered with something else than expected`);
      return read.data;
    }
  }

  private async fetched(method: string, path: string, sent?: { body: string; once: string }): Promise<Response> {
    const { url, key } = this.settings;
    const signal = AbortSignal.any([this.stop, AbortSignal.timeout(requestTimeoutMs)]);
    const headers = {
      authorization: `Bearer ${key}`,
      ...(sent && { 'content-type': 'application/json', 'idempotency-key': sent.once }),
    };
    try {
      // A redirect would be followed with the key: nobody redirects an API on purpose.
      return await fetch(`${url}${path}`, {
        method,
        headers,
        signal,
        redirect: 'error',
        ...(sent && { body: sent.body }),
      });
    } catch (cause) {
      if (this.stop.aborted) throw new CliFailure('failure', 'stopped', 'Stopped.');
      const why = reasonOf(cause);
      const remedy = `Can't reach the API at ${url} (${why}). Is it up? CAUSEWAY_API says where it is.`;
      throw new CliFailure('unreachable', 'api_unreachable', remedy, { cause });
    }
  }

  private refused(status: number, body: unknown): CliFailure {
    const problem = problemSchema.safeParse(body);
    if (!problem.success) return this.notOurs(`it answers ${status} without a problem document`);
    const { code, title, detail } = problem.data;
    const hint = status === 401 || status === 403 ? ' CAUSEWAY_API_KEY holds the key that is sent.' : '';
    return new CliFailure(exitOf(status), code, `${title}: ${detail}${hint}`);
  }

  private notOurs(why: string): CliFailure {
    const remedy = `What answers at ${this.url} is no Causeway, or one of another version: ${why}. Check CAUSEWAY_API.`;
    return new CliFailure('failure', 'answer_unexpected', remedy);
  }
}

function exitOf(status: number): Exit {
  if (status === 401 || status === 403) return 'unauthorised';
  if (status === 404) return 'notFound';
  if (status === 400 || status === 413 || status === 422) return 'usage';
  return status === 503 ? 'unreachable' : 'failure';
}

async function jsonOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined;
  }
}

/** Fetch says "fetch failed"; what failed is its cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer in ${requestTimeoutMs / 1000} s`;
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.message;
  return error.message;
}
