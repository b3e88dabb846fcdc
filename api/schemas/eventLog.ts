import { z } from '@hono/zod-openapi';
import { deliveryStatuses } from '../../domain/deliveryLog.ts';

const time = z.iso.datetime();

export const failedSchema = z
  .object({
    kind: z.enum(['transient', 'outcomeUnknown', 'destinationAtFault', 'recordAtFault']),
    name: z.string().openapi({ example: 'MESSAGE_TOO_LARGE' }),
    code: z.int().optional().openapi({ description: "Kafka's error code, where it is one of Kafka's.", example: 10 }),
    message: z.string(),
    remedy: z.string(),
  })
  .openapi('Failed');

/** When an attempt began, as far as that is known, and how long it lasted. */
export const lastedFields = {
  startIsEarliest: z.literal(true).optional().openapi({
    description:
      'Its worker was lost before it said that it had begun: it began at this time at the earliest, if it began at all.',
  }),
  durationMs: z.number().optional().openapi({
    description: 'Absent while it lasts, and where its worker was lost: then the next two bound it.',
  }),
  durationAtLeastMs: z.number().optional().openapi({ description: 'Until its worker was last heard of.' }),
  durationAtMostMs: z.number().optional().openapi({
    description: 'Until Temporal scheduled the next try: the lost worker wrote nothing after that.',
  }),
};

/** Attempts that are only counted: an outage can have thousands. */
export const leftOutSchema = z
  .object({
    count: z.int(),
    unknown: z.int().openapi({ description: 'How many of them ended with an unknown outcome.' }),
    firstAt: time.optional().openapi({ description: 'When the first of them began.' }),
    lastAt: time.optional(),
  })
  .openapi('AttemptsLeftOut', { description: 'Attempts that settled nothing and are not listed, only counted.' });

const attemptSchema = z
  .object({
    number: z.int(),
    startedAt: time,
    ...lastedFields,
    outcome: z.enum(['delivered', 'failed', 'unknown', 'running']),
    records: z.int().openapi({
      description:
        "How many records it sent, this one among them; which ones is in Temporal's history: the activity's input.",
    }),
    broker: z.string().optional(),
    partition: z.int().optional(),
    offset: z.int().optional(),
    error: failedSchema.optional(),
  })
  .openapi('Attempt');

const deliverySchema = z
  .object({
    destinationId: z.string(),
    workflowId: z.string(),
    runId: z.string().openapi({ description: "The run of the lane's workflow that tells of it last." }),
    status: z.enum(deliveryStatuses).openapi({
      description:
        '`expired`: Temporal has deleted the history (retention), and the open lane does not hold the event.',
    }),
    acceptedAt: time,
    partition: z.int().optional(),
    offset: z.int().optional(),
    error: failedSchema.optional(),
    nextAttemptAt: time.optional(),
    incomplete: z.literal(true).optional().openapi({
      description:
        'The lane has gone on for more runs than are read: what happened later is in the Temporal UI alone. With `expired`: the open lane has more overflow segments than are read, and may hold the event in one of them.',
    }),
    runsPassedOver: z.int().optional().openapi({
      description:
        'So many runs of its lane, in which it waited, were not read: what was tried in them is in the log of the lane.',
    }),
    deletedBefore: z.literal(true).optional().openapi({
      description:
        "Temporal has deleted the beginning of the log (retention): what is told is what the lane's open run holds and did.",
    }),
    attempts: z.array(attemptSchema),
    attemptsLeftOut: leftOutSchema.optional(),
    interventions: z.array(
      z.object({
        kind: z.enum(['replay', 'discard']),
        at: time,
        reason: z.string().optional(),
        by: z.string().optional(),
        replayId: z
          .string()
          .optional()
          .openapi({ description: 'The replay that sent it again though it was delivered.' }),
      }),
    ),
  })
  .openapi('Delivery');

export const eventLogSchema = z.object({ id: z.string(), deliveries: z.array(deliverySchema) }).openapi('EventLog');
export type EventLog = z.output<typeof eventLogSchema>;

export const eventIdParam = z.object({
  id: z
    .string()
    .regex(/^evt_[A-Za-z0-9_-]{22}$/, 'an event id: evt_ and 22 characters')
    .openapi({ param: { name: 'id', in: 'path' }, example: 'evt_Jx1nW0b3Qw6mO2m0tq8y7A' }),
});
