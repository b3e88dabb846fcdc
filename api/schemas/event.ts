import { z } from '@hono/zod-openapi';
import { eventFields } from '../../domain/event.ts';
import { isObject } from '../../domain/isObject.ts';
import { lineOf } from './text.ts';

const text = (charsMax: number, example: string) => lineOf(charsMax, { example });

/** Its contents are the sender's own: they are kept as text, so nothing here looks inside. */
const anyObject = () =>
  z
    .custom<Record<string, unknown>>(isObject, { error: 'a JSON object', params: { problem: 'is no JSON object' } })
    .openapi({ type: 'object', additionalProperties: true });

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

const fieldNames = eventFields.join(', ');

export const eventSchema = z
  .strictObject(
    {
      eventType: text(255, 'order.shipped').openapi({ description: 'What happened, for example `order.shipped`.' }),
      occurredAt: z.iso
        .datetime({ offset: true, error: 'an RFC 3339 time with a zone, for example "2026-01-15T09:30:00Z"' })
        .optional()
        .openapi({ description: 'When it happened; the time of acceptance where absent.' }),
      source: text(255, 'orders').optional().openapi({ description: 'The service that says so.' }),
      customerExternalId: text(255, 'acct_8K2zRq').openapi({
        description: 'The customer whose destinations get the event.',
      }),
      idempotencyKey: text(255, 'order-1001-shipped')
        .optional()
        .openapi({
          description: [
            'An event with the same customer and key is the same event: same id, and no second record in the same lane. Another',
            "value at the destination's `partitionKey`, or a change of its lanes meanwhile, gives a second one. A POST that was",
            'answered `partly_stored` needs the key to be sent again without a second record.',
          ].join(' '),
        }),
      correlationId: text(255, 'checkout-77').optional(),
      payload: anyObject().openapi({ description: 'Goes to the customer as it was written.' }),
      metadata: anyObject().optional(),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${fieldNames}` : 'an event, as a JSON object') },
  )
  .openapi('Event', { example: exampleEvent });

export const receiptSchema = z
  .object({
    id: z.string().openapi({ example: 'evt_Jx1nW0b3Qw6mO2m0tq8y7A' }),
    deliveries: z.array(
      z.object({
        destinationId: z.string().openapi({ example: 'dst_4kq0x2v6mzTr1AbC' }),
        workflowId: z.string().openapi({ example: 'delivery:dst_4kq0x2v6mzTr1AbC:acct_8K2zRq' }),
      }),
    ),
  })
  .openapi('Receipt', {
    description: 'One delivery for each matching destination; none where no destination matches.',
  });
