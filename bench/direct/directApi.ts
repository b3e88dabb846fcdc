/** The process of part (c): the API's own events routes, with the producer right behind them. Nothing is durable. */
import { type ServerType, serve as serveHttp } from '@hono/node-server';
import { pino } from 'pino';
import type { Accept } from '../../api/accept.ts';
import { createApp } from '../../api/app.ts';
import { BodyBudget } from '../../api/eventBody.ts';
import { eventRoutes } from '../../api/events.ts';
import { partitionKeyOf, recordValueOf } from '../../domain/event.ts';
import { eventDigest } from '../../domain/eventDigest.ts';
import { eventIdOf } from '../../domain/eventId.ts';
import { digestOfApiKey } from '../../store/apiKeys.ts';
import { serve } from '../child/serve.ts';
import { LingeringProducer } from './lingeringProducer.ts';

export type DirectOptions = { brokers: string[]; topic: string; apiKey: string; partitionKey: string };
export type DirectApiMethods = {
  start(options: DirectOptions): Promise<{ url: string }>;
  stop(nothing: undefined): Promise<void>;
};

const eventBytesMax = 256 * 1024;

/** What the API does with an event, but for the lane: the same id, key, value and headers. */
const directAccept =
  (producer: LingeringProducer, partitionKey: string): Accept =>
  async (event) => {
    const now = new Date();
    const id = eventIdOf(eventDigest(event.customerExternalId, event.idempotencyKey));
    const found = partitionKeyOf(event, partitionKey);
    if ('problem' in found) throw new Error(`${partitionKey} ${found.problem}`);
    const occurredAt = event.fields.get('occurredAt');
    await producer.send({
      key: found.key,
      value: Buffer.from(recordValueOf(event, now)),
      headers: {
        event_type: event.eventType,
        occurred_at: occurredAt === undefined ? now.toISOString() : occurredAt.slice(1, -1),
        customer_external_id: event.customerExternalId,
        idempotency_key: event.idempotencyKey ?? id,
      },
    });
    return { id, deliveries: [{ destinationId: 'direct', workflowId: 'none' }] };
  };

let running: { server: ServerType; producer: LingeringProducer } | undefined;

async function start({ brokers, topic, apiKey, partitionKey }: DirectOptions): Promise<{ url: string }> {
  const producer = await LingeringProducer.connect(brokers, topic);
  const known = digestOfApiKey(apiKey);
  const app = createApp({
    logger: pino({ level: 'warn', name: 'direct' }),
    findApiKey: async (digest) =>
      digest.equals(known) ? { id: 'key_bench', name: 'bench', scopes: ['ingest'] } : undefined,
    health: {},
    routes: [
      (to) =>
        eventRoutes(to, { accept: directAccept(producer, partitionKey), budget: new BodyBudget(), eventBytesMax }),
    ],
  });
  return await new Promise((resolve) => {
    const server = serveHttp({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) =>
      resolve({ url: `http://127.0.0.1:${port}` }),
    );
    running = { server, producer };
  });
}

serve<DirectApiMethods>({
  start,
  stop: async () => {
    running?.server.close();
    await running?.producer.close();
    running = undefined;
  },
});
