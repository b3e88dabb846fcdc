import { z } from '@hono/zod-openapi';
import { laneName, pageSize } from './lanes.ts';
import { nextCursor } from './paging.ts';
import { fieldsOf, lineOf } from './text.ts';

const placeExpected = 'exactly one of customerExternalId, destinationId and workflowId';
const keyExpected = 'destinationId beside partitionKey: each destination takes its key from another place';

export const deliveriesQuery = fieldsOf({
  customerExternalId: lineOf(255).optional().openapi({ description: "Of this customer's destinations." }),
  destinationId: lineOf(100).optional().openapi({ description: 'Of this destination.' }),
  partitionKey: lineOf(1_024).optional().openapi({ description: 'With this partition key at the destination.' }),
  workflowId: laneName().optional().openapi({ description: 'Of the lane with this workflow id.' }),
  limit: pageSize(100, 50),
  cursor: z.string().max(500).optional().openapi({ description: '`nextCursor` of the page before.' }),
}).superRefine(({ customerExternalId, destinationId, workflowId, partitionKey }, context) => {
  const given = [customerExternalId, destinationId, workflowId].filter((one) => one !== undefined).length;
  const refuse = (message: string, problem: string): void =>
    context.addIssue({ code: 'custom', path: [], message, params: { problem } });
  if (given !== 1) refuse(placeExpected, given === 0 ? 'says nowhere to look' : 'says twice where to look');
  else if (partitionKey !== undefined && destinationId === undefined) refuse(keyExpected, 'does not fit together');
});

const listedDeliverySchema = z
  .object({
    eventId: z.string(),
    destinationId: z.string(),
    workflowId: z.string(),
    lane: z.string(),
    acceptedAt: z.iso.datetime(),
    partitionKey: z.string().optional().openapi({ description: 'Where it was asked for.' }),
  })
  .openapi('ListedDelivery');

export const deliveryPageSchema = z
  .object({ deliveries: z.array(listedDeliverySchema), nextCursor })
  .openapi('DeliveryPage');

export const eventIdQuery = fieldsOf({
  customerExternalId: lineOf(255),
  idempotencyKey: lineOf(255),
});

export const eventIdSchema = z.object({ id: z.string() }).openapi('EventId');
