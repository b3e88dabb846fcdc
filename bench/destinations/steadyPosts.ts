import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.ts';
import { HttpConnection } from '../load/connection.ts';
import { idempotencyKeyOf } from '../load/events.ts';
import { outcomes } from '../load/sendLog.ts';

export type Posts = { sentAtMs: Float64Array; outcomes: Uint8Array; waitMs: Float64Array };
/** The n-th event's customer and key. */
export type Choice = (n: number) => { customerExternalId: string; key: string };

const connectionsMax = 64;
const timeoutMs = 30_000;
const textLength = 400;

const textOf = (tag: string, n: number, { customerExternalId, key }: ReturnType<Choice>): string =>
  JSON.stringify({
    ...{ eventType: 'order.shipped', customerExternalId, idempotencyKey: idempotencyKeyOf(tag, n) },
    payload: { orderId: key, text: 'x'.repeat(textLength) },
  });

/** POSTs `count` events, each when it is due at that rate, or as soon as a connection is free; one that is refused is sent again. */
export async function steadyPosts(
  { api, apiKey }: { api: string; apiKey: string },
  tag: string,
  count: number,
  eventsPerSecond: number,
  choice: Choice,
): Promise<Posts> {
  const posts: Posts = {
    sentAtMs: new Float64Array(count),
    outcomes: new Uint8Array(count).fill(outcomes.unclear),
    waitMs: new Float64Array(count),
  };
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  const connections = Array.from({ length: connectionsMax }, () => new HttpConnection(api, headers, timeoutMs));
  const startedAtMs = nowMs();
  let next = 0;
  const loop = async (connection: HttpConnection): Promise<void> => {
    for (let n = next++; n < count; n = next++) {
      await sleep(Math.max(0, startedAtMs + (1_000 * n) / eventsPerSecond - nowMs()));
      const text = textOf(tag, n, choice(n));
      posts.sentAtMs[n] = nowMs();
      let answer = await connection.post('/v1/events', text);
      while (answer.status === 503) {
        await sleep(answer.retryAfterMs);
        answer = await connection.post('/v1/events', text);
      }
      posts.waitMs[n] = nowMs() - (posts.sentAtMs[n] ?? 0);
      posts.outcomes[n] = answer.status === 202 ? outcomes.accepted : outcomes.refused;
    }
  };
  await Promise.all(connections.map(loop));
  await Promise.all(connections.map((connection) => connection.close()));
  return posts;
}
