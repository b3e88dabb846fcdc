import { z } from '@hono/zod-openapi';
import { exampleEvent, receiptSchema } from './event.ts';

export const exampleLines = [exampleEvent, { ...exampleEvent, idempotencyKey: 'order-1002-shipped' }]
  .map((event) => JSON.stringify(event))
  .join('\n');

const acceptedSchema = z.object({ status: z.literal(202) }).extend(receiptSchema.shape);

const refusedSchema = z.object({
  type: z.string(),
  status: z.int().openapi({ example: 422 }),
  code: z.string().openapi({ example: 'validation_failed' }),
  title: z.string(),
  detail: z.string(),
  errors: z.array(z.object({ field: z.string(), problem: z.string(), expected: z.string() })).optional(),
});

export const batchAnswerSchema = z
  .object({
    accepted: z.int(),
    refused: z.int(),
    results: z
      .array(z.union([acceptedSchema, refusedSchema]))
      .openapi({ description: 'One for each event, in the order of the request.' }),
  })
  .openapi('BatchAnswer');
