import { z } from '@hono/zod-openapi';
import { fieldsOf, lineOf } from './text.ts';

export const eventValueQuery = fieldsOf({
  destinationId: lineOf(100).optional().openapi({
    description: 'As this destination gets it, where an event without `occurredAt` was stored for it by a later POST.',
  }),
});

export const eventValueSchema = z
  .object({
    id: z.string(),
    destinationId: z.string().openapi({ description: 'The destination whose lane has it.' }),
    eventType: z.string(),
    partitionKey: z.string().openapi({ description: "The record's key at that destination." }),
    value: z.string().openapi({ description: "The record's value to the byte: JSON, as text." }),
    bytes: z.int().openapi({ description: 'Of the value.' }),
  })
  .openapi('EventValue');
