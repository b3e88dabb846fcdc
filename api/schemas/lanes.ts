import { z } from '@hono/zod-openapi';
import { parkingErrors } from '../../domain/failures.ts';
import { deliveryStates } from '../../domain/lane.ts';
import { isFiltered, isSpan, type ParkingFilter } from '../../domain/replayFilter.ts';
import { requestKeyExpected, requestKeyForm } from '../../domain/requestKey.ts';
import { failedSchema } from './eventLog.ts';
import { fieldsOf, lineOf } from './text.ts';

const time = z.iso.datetime();
const count = z.int();

const noteSchema = z.object({ reason: z.string().optional(), by: z.string().optional() });

const laneStatusSchema = z
  .object({
    waitingEvents: count.openapi({ description: 'Accepted, and neither delivered nor parked.' }),
    waitingBytes: count,
    waitingSince: time.optional().openapi({ description: 'When the oldest of it was accepted.' }),
    overflow: z
      .object({ segments: count, events: count })
      .optional()
      .openapi({ description: 'How much of it lies in overflow segments.' }),
    counts: z
      .object({ accepted: count, repeated: count, delivered: count, parked: count, discarded: count })
      .openapi({ description: 'Since the lane began.' }),
    held: z
      .object({ reason: z.string().openapi({ example: 'suspended' }), remedy: z.string() })
      .optional()
      .openapi({ description: 'Why none of what waits is being sent, and what ends that.' }),
    hold: z
      .object({
        kind: z.enum(['waiting', 'suspended']),
        error: failedSchema,
        since: time,
        remedy: z.string(),
        looksAt: time.openapi({ description: 'The lane tries by itself then, should nobody wake it before.' }),
      })
      .optional(),
    paused: noteSchema.optional(),
    slow: z.literal(true).optional().openapi({
      description: 'Its destination takes long to answer: its batches wait in places of their own.',
    }),
    renewing: z.literal(true).optional().openapi({
      description: 'Its run is long: it continues as new at the next moment in which nothing is sent to it.',
    }),
  })
  .openapi('LaneStatus');

const laneSchema = z
  .object({
    lane: z.string(),
    workflowId: z.string(),
    runId: z.string(),
    state: z.enum(deliveryStates),
    deadLetters: count,
    runStartedAt: time.openapi({ description: 'A lane continues as a new run now and then.' }),
    status: laneStatusSchema.optional().openapi({
      description:
        'What the lane itself says. Absent where it did not answer, for no worker had time for it, and where it was not asked.',
    }),
  })
  .openapi('Lane');

const nextCursor = z.string().optional().openapi({ description: 'Absent on the last page.' });

export const lanePageSchema = z.object({ lanes: z.array(laneSchema), nextCursor }).openapi('LanePage');

const deadLetterSchema = z
  .object({
    eventId: z.string(),
    destinationId: z.string(),
    lane: z.string(),
    workflowId: z.string(),
    partitionKey: z.string(),
    bytes: count.openapi({ description: "Of the record's value." }),
    parkedAt: time,
    error: failedSchema,
    bodyIn: z.string().optional().openapi({
      description: 'The workflow that holds its body, with others. Absent where the lane itself has it.',
    }),
  })
  .openapi('DeadLetter');

export const deadLetterPageSchema = z
  .object({
    deadLetters: z.array(deadLetterSchema),
    unanswered: z
      .array(z.object({ lane: z.string(), workflowId: z.string(), deadLetters: count }))
      .openapi({ description: 'Lanes that hold dead letters and did not answer: no worker had time for them.' }),
    nextCursor,
  })
  .openapi('DeadLetterPage');

export const cursorField = () =>
  z.string().max(4_000).optional().openapi({ description: '`nextCursor` of the page before.' });

export function pageSize(most: number, otherwise: number) {
  const expected = `a whole number from 1 to ${most}`;
  return z
    .string()
    .regex(/^\d{1,4}$/, expected)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= most, { error: expected, params: { problem: 'is out of range' } })
    .default(otherwise)
    .openapi({ type: 'integer', minimum: 1, maximum: most, default: otherwise });
}

export const lanesQuery = fieldsOf({
  state: z.enum(deliveryStates, { error: `one of ${deliveryStates.join(', ')}` }).optional(),
  withStatus: z.enum(['true', 'false'], { error: 'true or false' }).default('true').openapi({
    description: '`false`: no lane is asked itself, so none keeps the page waiting, and none has a `status`.',
  }),
  limit: pageSize(100, 20),
  cursor: cursorField(),
});

const timeExpected = 'a time, for example "2026-01-15T09:30:00Z"';
const timeField = () => z.iso.datetime({ error: timeExpected, offset: true });

/** Which dead letters, by how they were parked. */
export const parkingFields = {
  error: z
    .enum(parkingErrors, { error: `the name of an error that dead letters have: ${parkingErrors.join(', ')}` })
    .optional()
    .openapi({ description: 'Only what was parked for this error.', example: 'MESSAGE_TOO_LARGE' }),
  parkedFrom: timeField().optional().openapi({ description: 'Only what was parked then or later.' }),
  parkedTo: timeField().optional().openapi({ description: 'Only what was parked before.' }),
};
const pagedLetters = { ...parkingFields, limit: pageSize(1_000, 100), cursor: cursorField() };
const spanned = { error: 'a time that is later than the one that it begins with', path: ['parkedTo'] };
const spans = { ...spanned, params: { problem: 'ends before it begins' } };
const isParkingSpan = ({ parkedFrom, parkedTo }: ParkingFilter): boolean => isSpan(parkedFrom, parkedTo);

export const deadLettersQuery = fieldsOf(pagedLetters).refine(isParkingSpan, spans);

/** Temporal's visibility finds no value with one of these (server 1.29): the query's escapes are compared as they stand. */
const customerExpected = 'a customer without quotes and backslashes in its name; give destinationId in place of it';
/** A customer whose lanes are looked for in Temporal. */
export const visibleCustomer = () =>
  lineOf(255).refine((text) => !/["'\\]/.test(text), {
    error: customerExpected,
    params: { problem: 'can not be looked for' },
  });

export const allDeadLettersQuery = fieldsOf({
  destinationId: lineOf(100).optional().openapi({ description: "Only this destination's." }),
  customerExternalId: visibleCustomer().optional().openapi({ description: "Only this customer's." }),
  ...pagedLetters,
}).refine(isParkingSpan, spans);

/** So many events one request may name. */
export const idsMax = 200;
const idsExpected = `a list of 1 to ${idsMax} event ids, each evt_ and 22 characters`;
const ids = () =>
  z
    .array(z.string({ error: idsExpected }).regex(/^evt_[A-Za-z0-9_-]{22}$/, idsExpected), { error: idsExpected })
    .min(1, idsExpected)
    .max(idsMax, idsExpected)
    .openapi({ description: 'These events.' });

export const laneName = () => lineOf(1_000, { what: 'the name of a lane' });

export const noteFields = {
  reason: lineOf(500)
    .optional()
    .openapi({ description: "Why; kept in the lane's history, and shown in the event's log." }),
  by: lineOf(200).optional().openapi({ description: 'Who asks for it. The name of the API key is kept beside it.' }),
};

const exampleNote = { reason: 'the customer moves the topic', by: 'ada' };

export const pauseSchema = fieldsOf({
  lane: laneName().optional().openapi({ description: 'This lane alone; absent: the destination as a whole.' }),
  ...noteFields,
}).openapi('PauseRequest', { example: exampleNote });
export type PauseRequest = z.output<typeof pauseSchema>;

export const pausingSchema = z
  .object({
    signal: z.enum(['pause', 'resume']),
    of: z.enum(['destination', 'lane']),
    lane: z.string().optional(),
    reason: z.string().optional(),
    by: z.string(),
  })
  .openapi('Pausing');
export type Pausing = z.output<typeof pausingSchema>;

const unfilteredExpected = 'no error, parkedFrom or parkedTo beside ids';
const selectorExpected = 'exactly one of ids, lane and all';

export const selectionSchema = fieldsOf({
  ids: ids().optional(),
  lane: laneName().optional().openapi({ description: "All of this lane's dead letters." }),
  all: z
    .literal(true, { error: 'true' })
    .optional()
    .openapi({ description: "All of the destination's dead letters, as Temporal's visibility shows them now." }),
  ...parkingFields,
  ...noteFields,
})
  .superRefine((selection, context) => {
    const refuse = (message: string, problem: string): void =>
      context.addIssue({ code: 'custom', path: [], message, params: { problem } });
    const given = (['ids', 'lane', 'all'] as const).filter((name) => selection[name] !== undefined);
    if (given.length !== 1) {
      refuse(selectorExpected, given.length === 0 ? 'selects nothing' : `has ${given.join(' and ')}`);
    }
    if (selection.ids && isFiltered(selection)) refuse(unfilteredExpected, 'selects twice');
  })
  .refine(isParkingSpan, spans)
  .openapi('DeadLetterSelection', { example: { all: true, reason: 'topic limit raised', by: 'ada' } });
export type Selection = z.output<typeof selectionSchema>;

export const interventionSchema = z
  .object({
    signal: z.enum(['replay', 'discard']),
    lanes: count.openapi({ description: 'How many lanes got the signal.' }),
    deadLetters: count.openapi({ description: "How many are meant; with `all`, as Temporal's visibility shows them." }),
    reason: z.string().optional(),
    by: z.string(),
  })
  .openapi('Intervention');
export type Intervention = z.output<typeof interventionSchema>;

export const idempotencyKeyHeader = z.object({
  'idempotency-key': z.string().regex(requestKeyForm, requestKeyExpected).optional().openapi({
    description:
      'A request that comes again with the same key within a day completes what is missing, and no lane follows it twice; another one with that key is refused.',
  }),
});
