import { createRoute } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { CausewayError } from '../domain/error.ts';
import type { Accept, DestinationsRead } from './accept.ts';
import type { App, AppEnv } from './appEnv.ts';
import { type BatchResult, batchAnswer } from './batchAnswer.ts';
import { BatchTurns } from './batchTurns.ts';
import { type BodyBudget, mediaTypeOf, withBody } from './eventBody.ts';
import { FieldsRefused, problemOf } from './problem.ts';
import { batchEventsMax, parseJson, type ReadEvent, readArray, readEvent, readLines, textOf } from './readEvent.ts';
import { batchAnswerSchema, exampleLines } from './schemas/batch.ts';
import { eventSchema, exampleEvent, receiptSchema } from './schemas/event.ts';
import { problemResponses, retryAfter } from './schemas/problem.ts';
import { needs } from './scopes.ts';

export type EventRouteOptions = {
  accept: Accept;
  budget: BodyBudget;
  eventBytesMax: number;
  /** How many connections there have been. */
  connections?: () => number;
};

const batchBytesMax = 5 * 1024 * 1024;
const jsonType = 'application/json';
const lineTypes = ['application/x-ndjson', 'application/ndjson', 'application/jsonl'];

const postEvent = createRoute({
  method: 'post',
  path: '/v1/events',
  tags: ['Events'],
  summary: 'Accept an event',
  description: 'Answers 202 once the event is stored for every matching destination.',
  security: needs('ingest'),
  request: { body: { required: true, content: { [jsonType]: { schema: eventSchema, example: exampleEvent } } } },
  responses: {
    202: { description: 'Stored; it will be delivered.', content: { [jsonType]: { schema: receiptSchema } } },
    ...problemResponses(400, 401, 403, 413, 415, 422, 503),
  },
});

const postBatch = createRoute({
  method: 'post',
  path: '/v1/events/batch',
  tags: ['Events'],
  summary: 'Accept many events',
  description: `A JSON array or newline-delimited JSON, up to ${batchEventsMax} events or 5 MiB. Each event is answered alone, in the order of the request; events of one partition key are delivered in that order.`,
  security: needs('ingest'),
  request: {
    body: {
      required: true,
      content: {
        [jsonType]: { schema: eventSchema.array().max(batchEventsMax), example: [exampleEvent] },
        'application/x-ndjson': { schema: { type: 'string' }, example: exampleLines },
      },
    },
  },
  responses: {
    202: { description: 'Every event is stored.', content: { [jsonType]: { schema: batchAnswerSchema } } },
    207: {
      description:
        'Some events are stored, or should be sent again after `Retry-After`: those whose result has a status of 500 or more.',
      headers: retryAfter,
      content: { [jsonType]: { schema: batchAnswerSchema } },
    },
    422: {
      description: 'No event is stored, nor would be if it were sent again; each result says why.',
      content: { [jsonType]: { schema: batchAnswerSchema } },
    },
    ...problemResponses(400, 401, 403, 413, 415, 503),
  },
});

/** `POST /v1/events` and `POST /v1/events/batch`. */
export function eventRoutes(app: App, { accept, budget, eventBytesMax, connections }: EventRouteOptions): void {
  // The routes read the body's text themselves, since the value keeps it; the description still comes from the schemas.
  app.openAPIRegistry.registerPath(postEvent);
  app.openAPIRegistry.registerPath(postBatch);

  // White space between tokens does not count for the event, so its body may be larger.
  const one = { budget, bytesMax: 2 * eventBytesMax };
  app.post('/v1/events', async (c) => {
    mediaTypeOf(c, [jsonType]);
    return await withBody(c, one, async (body) => {
      const text = textOf(body);
      const read = readEvent(parseJson(text), text);
      if ('errors' in read) throw new FieldsRefused(read.errors);
      return c.json(await accept(read.event, connectionOf(c)), 202);
    });
  });
  // Two queues, so that no batch that is there waits behind those that are yet to be read.
  const reads = new BatchTurns(connections && { connections });
  const works = new BatchTurns(connections && { connections });
  const many = { budget, bytesMax: batchBytesMax, readTurn: () => reads.mine(), workTurn: () => works.mine() };
  app.post('/v1/events/batch', async (c) => {
    const mediaType = mediaTypeOf(c, [jsonType, ...lineTypes]);
    return await withBody(c, many, async (body) => {
      const text = textOf(body);
      const events = mediaType === jsonType ? readArray(text) : readLines(text);
      return batchAnswer(c, await acceptAll(events, accept, connectionOf(c)));
    });
  });
}

/** The connection that a request came over. A server without one has no environment either. */
const connectionOf = (c: Context<AppEnv>): object | undefined => c.env?.incoming?.socket;

async function acceptAll(
  events: readonly ReadEvent[],
  accept: Accept,
  from: object | undefined,
): Promise<BatchResult[]> {
  if (events.length === 0) throw new CausewayError('batch_empty', 'Send one event at least.');
  const destinationsRead: DestinationsRead = new Map();
  return await Promise.all(
    events.map(async (read): Promise<BatchResult> => {
      try {
        if ('errors' in read) throw new FieldsRefused(read.errors);
        return { status: 202, ...(await accept(read.event, from, destinationsRead)) };
      } catch (error) {
        return problemOf(error);
      }
    }),
  );
}
