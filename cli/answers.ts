/** What the commands read of the API's answers. Loose on purpose: a field that is new there is shown by `--json` all the same. */
import { z } from 'zod';

const text = z.string();
const count = z.number();

export const errorSchema = z.looseObject({ name: text, message: text, remedy: text });

export const destinationSchema = z.looseObject({
  id: text,
  customerExternalId: text,
  name: text,
  topic: text,
  brokers: z.array(text),
  eventTypes: z.array(text),
  enabled: z.boolean(),
  paused: z.looseObject({ since: text, reason: text.optional(), by: text }).optional(),
  version: count,
});
export type Destination = z.output<typeof destinationSchema>;
export const destinationsSchema = z.looseObject({
  destinations: z.array(destinationSchema),
  nextCursor: text.optional(),
});

export const apiKeySchema = z.looseObject({
  ...{ id: text, name: text, scopes: z.array(text), createdAt: text },
  ...{
    expiresAt: text.optional(),
    lastUsedAt: text.optional(),
    revokedAt: text.optional(),
    earlierUntil: text.optional(),
  },
});
export type ApiKey = z.output<typeof apiKeySchema>;
export const madeApiKeySchema = apiKeySchema.extend({ key: text });
export type MadeApiKey = z.output<typeof madeApiKeySchema>;
export const apiKeysSchema = z.looseObject({ apiKeys: z.array(apiKeySchema), nextCursor: text.optional() });

export const portalLinkSchema = z.looseObject({
  ...{ id: text, customerExternalId: text, permissions: z.array(text), expiresAt: text },
  ...{ name: text.optional(), deletedAt: text.optional() },
});
export type PortalLink = z.output<typeof portalLinkSchema>;
export const madePortalLinkSchema = portalLinkSchema.extend({ url: text });
export const portalLinksSchema = z.looseObject({
  portalLinks: z.array(portalLinkSchema),
  nextCursor: text.optional(),
});

export const auditEntrySchema = z.looseObject({
  ...{ at: text, action: text, subject: text, detail: z.record(text, z.unknown()) },
  by: z.looseObject({ keyId: text.optional(), name: text, address: text.optional(), via: text.optional() }),
});
export type AuditEntry = z.output<typeof auditEntrySchema>;
export const auditPageSchema = z.looseObject({ entries: z.array(auditEntrySchema), nextCursor: text.optional() });

export const connectionTestSchema = z.looseObject({
  passed: z.boolean(),
  steps: z.array(
    z.looseObject({
      ...{ step: text, outcome: text, durationMs: count, broker: text.optional(), detail: text.optional() },
      error: errorSchema.optional(),
    }),
  ),
});

export const laneSchema = z.looseObject({
  lane: text,
  workflowId: text,
  state: text,
  deadLetters: count,
  status: z
    .looseObject({
      waitingEvents: count,
      counts: z.looseObject({ delivered: count }),
      held: z.looseObject({ reason: text, remedy: text }).optional(),
      hold: z.looseObject({ error: errorSchema }).optional(),
      paused: z.looseObject({ reason: text.optional(), by: text.optional() }).optional(),
    })
    .optional(),
});
export type Lane = z.output<typeof laneSchema>;
export const lanesSchema = z.looseObject({ lanes: z.array(laneSchema), nextCursor: text.optional() });

export const deadLetterSchema = z.looseObject({
  eventId: text,
  lane: text,
  partitionKey: text,
  bytes: count,
  parkedAt: text,
  error: errorSchema,
});
export const deadLettersSchema = z.looseObject({
  deadLetters: z.array(deadLetterSchema),
  unanswered: z.array(z.looseObject({ lane: text, deadLetters: count })),
  nextCursor: text.optional(),
});

export const interventionSchema = z.looseObject({ signal: text, lanes: count, deadLetters: count, by: text });
export const pausingSchema = z.looseObject({ signal: text, of: text, by: text });

/** How long an attempt lasted, as far as that is known. */
const lastedFields = {
  ...{ startIsEarliest: z.literal(true).optional(), durationMs: count.optional() },
  ...{ durationAtLeastMs: count.optional(), durationAtMostMs: count.optional() },
};
const leftOutSchema = z.looseObject({
  ...{ count, unknown: count, firstAt: text.optional(), lastAt: text.optional() },
});

export const attemptSchema = z.looseObject({
  number: count,
  startedAt: text,
  ...lastedFields,
  outcome: text,
  records: count,
  broker: text.optional(),
  partition: count.optional(),
  offset: count.optional(),
  error: errorSchema.optional(),
});
export const deliverySchema = z.looseObject({
  destinationId: text,
  workflowId: text,
  status: text,
  acceptedAt: text,
  partition: count.optional(),
  offset: count.optional(),
  error: errorSchema.optional(),
  nextAttemptAt: text.optional(),
  incomplete: z.literal(true).optional(),
  runsPassedOver: count.optional(),
  deletedBefore: z.literal(true).optional(),
  attempts: z.array(attemptSchema),
  attemptsLeftOut: leftOutSchema.optional(),
  interventions: z.array(
    z.looseObject({
      ...{ kind: text, at: text, reason: text.optional(), by: text.optional() },
      replayId: text.optional(),
    }),
  ),
});
export type Delivery = z.output<typeof deliverySchema>;
export const eventLogSchema = z.looseObject({ id: text, deliveries: z.array(deliverySchema) });
export type EventLog = z.output<typeof eventLogSchema>;

export const laneLogEntrySchema = z.looseObject({
  id: text,
  at: text,
  kind: text,
  events: count.optional(),
  eventId: text.optional(),
  attempt: z.looseObject({ number: count, ...lastedFields, outcome: text, brokers: z.array(text) }).optional(),
  leftOut: leftOutSchema.optional(),
  landed: z
    .array(
      z.looseObject({
        partition: count,
        events: count,
        firstOffset: count.optional(),
        lastOffset: count.optional(),
      }),
    )
    .optional(),
  error: errorSchema.optional(),
  reason: text.optional(),
  by: text.optional(),
  replayId: text.optional(),
  segmentId: text.optional(),
  holderId: text.optional(),
});
export type LaneLogEntry = z.output<typeof laneLogEntrySchema>;
export const laneLogSchema = z.looseObject({
  entries: z.array(laneLogEntrySchema),
  deletedBefore: text.optional(),
  nextCursor: text.optional(),
});
export type LaneLogPage = z.output<typeof laneLogSchema>;

export const replaySchema = z.looseObject({
  id: text,
  /** Absent from an older API, which knows of no other. */
  action: z.enum(['replay', 'discard']).default('replay'),
  status: z.enum(['running', 'done', 'cancelled', 'stalled', 'tooMany', 'tooLong', 'failed']),
  why: text.optional(),
  events: count.optional(),
  total: count.optional(),
  named: count.optional(),
  lanes: count.optional(),
  runs: count.optional(),
  deletedRuns: count.optional(),
  historySince: text.optional(),
  unanswered: count.optional(),
  unansweredParked: count.optional(),
  unansweredEvents: count.optional(),
  unansweredLanes: z.array(text).optional(),
  eventsPerSecond: count.optional(),
  startedAt: text.optional(),
});
export type Replay = z.output<typeof replaySchema>;
