import type { Context } from 'hono';
import type { App, AppEnv } from './appEnv.ts';
import { SharedAnswers } from './sharedAnswers.ts';

/** So long one dashboard's answer is every dashboard's that shows the same, in ms: less than any of them waits before it asks again. */
const sharedMs = 5_000;
/** Longer pages are nobody's but who asked for them, and so many questions are shared: together they are some tens of megabytes at the most. */
const sharedRowsMax = 100;
const questionsMax = 500;

/**
 * Gives dashboards that show the same lanes or dead letters one answer of Temporal and its lanes: ten of them cost no more than one. Only sessions
 * share, and links only those of one customer; who comes with an API key waits in a loop for what it did. What was read before a deed that came
 * through this process is nobody's after it.
 */
export class SharedReads {
  private readonly answers = new SharedAnswers(sharedMs, questionsMax);
  private deeds = 0;

  /** To be added before the routes: counts what may change how lanes stand, once it is done. */
  watch(app: App): void {
    app.use('/v1/*', async (c, next) => {
      try {
        await next();
      } finally {
        if (isDeed(c.req.method, c.req.path)) this.deeds++;
      }
    });
  }

  /** The answer of `ask`, or a dashboard's before that asked the same of `list`, as of those whom it may see. */
  async of<T>(
    { var: { via, portal } }: Context<AppEnv>,
    list: string,
    query: { limit: number },
    ask: () => Promise<T>,
  ): Promise<T> {
    if (via === undefined || query.limit > sharedRowsMax) return await ask();
    const name = JSON.stringify([this.deeds, portal ? ['customer', portal.customerExternalId] : 'all', list, query]);
    return await this.answers.of(name, ask);
  }
}

/** Who looks at a replay may learn that it is over, and then looks at what it left. Events come all the time, and nobody waits to see them in a list. */
const isDeed = (method: string, path: string): boolean =>
  path.startsWith('/v1/replays/') || (method !== 'GET' && method !== 'HEAD' && !/^\/v1\/events(\/|$)/.test(path));
