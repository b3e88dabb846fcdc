import { z } from '@hono/zod-openapi';

const text = (charsMax: number) =>
  z
    .string({ error: `must be a string of 1 to ${charsMax} characters` })
    .min(1, 'must not be empty')
    .max(charsMax, `must have at most ${charsMax} characters`)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'must not hold control characters')
    .refine((value) => value.isWellFormed(), 'must be valid Unicode: it holds half of a surrogate pair');

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Its contents are the sender's own: they are kept as text, so nothing here looks inside. */
const anyObject = (error: string) =>
  z.custom<Record<string, unknown>>(isObject, { error }).openapi({ type: 'object', additionalProperties: true });

export const exampleEvent = {
  eventType: 'order.shipped',
  occurredAt: '2026-01-15T09:30:00Z',
  source: 'orders',
  customerExternalId: 'acct_8K2zRq',
  idempotencyKey: 'order-1001-shipped',
  correlationId: 'checkout-77',
  payload: { orderId: '1001', carrier: 'DHL', weightKg: 1.1 },
  metadata: { region: 'eu-central-1' },
};

export const eventSchema = z
  .strictObject({
    eventType: text(255).openapi({ description: 'What happened, for example `order.shipped`.' }),
    occurredAt: z.iso
      .datetime({ offset: true, error: 'must be an RFC 3339 time with a zone, for example 2026-01-15T09:30:00Z' })
      .optional()
      .openapi({ description: 'When it happened; the time of acceptance where absent.' }),
    source: text(255).optional().openapi({ description: 'The service that says so.' }),
    customerExternalId: text(255).openapi({ description: 'The customer whose destinations get the event.' }),
    idempotencyKey: text(255).optional().openapi({
      description: 'An event with the same customer and key is the same event: same id, no second record.',
    }),
    correlationId: text(255).optional(),
    payload: anyObject('must be a JSON object').openapi({ description: 'Goes to the customer as it was written.' }),
    metadata: anyObject('must be a JSON object').optional(),
  })
  .openapi('Event', { example: exampleEvent });

export const receiptSchema = z
  .object({
    id: z.string().openapi({ example: 'evt_Jx1nW0b3Qw6mO2m0tq8y7A' }),
    deliveries: z.array(
      z.object({
        destinationId: z.string().openapi({ example: 'dst_4kq0x2v6mz' }),
        workflowId: z.string().openapi({ example: 'delivery:dst_4kq0x2v6mz:acct_8K2zRq' }),
      }),
    ),
  })
  .openapi('Receipt', {
    description: 'One delivery for each matching destination; none where no destination matches.',
  });
