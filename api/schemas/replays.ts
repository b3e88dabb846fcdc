import { z } from '@hono/zod-openapi';
import { replayActions, replayStatuses } from '../../domain/replay.ts';
import { isSpan } from '../../domain/replayFilter.ts';
import { cursorField, noteFields, pageSize, parkingFields, visibleCustomer } from './lanes.ts';
import { nextCursor } from './paging.ts';
import { fieldsOf, lineOf, wholeNumber, yesOrNo } from './text.ts';

const timeExpected = 'a time, for example "2026-01-15T09:30:00Z"';
const time = () => z.iso.datetime({ error: timeExpected, offset: true });
const scopeExpected = 'at least one of destinationId and customerExternalId, or eventIds';
const aloneExpected = 'no other selector than destinationId and status beside eventIds';
const timesExpected = 'a time that is later than the one that it begins with';
const parkedExpected = 'status "parked" with error, parkedFrom and parkedTo: only a dead letter has them';
const discardExpected = 'status "parked" with action "discard": only a dead letter can be given up';
/** The history of each is read before the answer. */
const idsMax = 100;
const idsExpected = `1 to ${idsMax} ids of events: evt_ and 22 characters each`;

const actionSchema = z.enum(replayActions, { error: 'one of replay, discard' });

export const newReplaySchema = fieldsOf({
  action: actionSchema.default('replay').openapi({
    description: '`discard` gives dead letters up, for good, in place of sending them again: all else is the same.',
  }),
  eventIds: z
    .array(z.string({ error: idsExpected }).regex(/^evt_[A-Za-z0-9_-]{22}$/, idsExpected), { error: idsExpected })
    .min(1, idsExpected)
    .max(idsMax, idsExpected)
    .optional(),
  status: z
    .enum(replayStatuses, { error: 'one of parked, delivered, any' })
    .default('parked')
    .openapi({ description: 'Dead letters, events that were delivered, or both.' }),
  destinationId: lineOf(100).optional(),
  customerExternalId: visibleCustomer().optional(),
  eventType: lineOf(200).optional(),
  acceptedFrom: time().optional().openapi({ description: 'Only what was accepted then or later.' }),
  acceptedTo: time().optional().openapi({ description: 'Only what was accepted before.' }),
  ...parkingFields,
  dryRun: yesOrNo()
    .default(false)
    .openapi({ description: 'Only count what would be sent again, or given up; for 15 minutes at the most.' }),
  eventsPerSecond: wholeNumber(1, 10_000, 'events a second').default(200),
  eventsMax: wholeNumber(1, 100_000_000, 'events').default(1_000_000).openapi({
    description:
      'They are counted first; with more than this counting ends, and nothing is sent, or given up. Who has counted before gives that number, and none that came since is meant (with `parkedTo`, none in the place of another).',
  }),
  ...noteFields,
})
  .superRefine(({ eventIds, destinationId, customerExternalId, ...rest }, context) => {
    const refuse = (message: string, problem: string, path: string[] = []): void =>
      context.addIssue({ code: 'custom', path, message, params: { problem } });
    const { eventType, acceptedFrom, acceptedTo, error, parkedFrom, parkedTo } = rest;
    const isOfParked = [error, parkedFrom, parkedTo].some((one) => one !== undefined);
    const isFiltered =
      isOfParked || [eventType, acceptedFrom, acceptedTo, customerExternalId].some((one) => one !== undefined);
    if (eventIds && isFiltered) refuse(aloneExpected, 'selects twice');
    if (!eventIds && destinationId === undefined && customerExternalId === undefined)
      refuse(scopeExpected, 'selects nothing');
    if (isOfParked && rest.status !== 'parked') refuse(parkedExpected, 'does not fit together');
    if (rest.action === 'discard' && rest.status !== 'parked')
      refuse(discardExpected, 'does not fit together', ['action']);
    if (!isSpan(acceptedFrom, acceptedTo)) refuse(timesExpected, 'ends before it begins', ['acceptedTo']);
    if (!isSpan(parkedFrom, parkedTo)) refuse(timesExpected, 'ends before it begins', ['parkedTo']);
  })
  .openapi('NewReplay', {
    example: { customerExternalId: 'acct_8K2zRq', error: 'MESSAGE_TOO_LARGE', reason: 'topic limit raised', by: 'ada' },
  });

export const replaySchema = z
  .object({
    id: z.string().openapi({ example: 'rpl_Jx1nW0b3Qw6mO2m0' }),
    action: actionSchema.openapi({ description: '`discard`: what is said of sending here is of giving up.' }),
    status: z.enum(['running', 'done', 'cancelled', 'stalled', 'tooMany', 'tooLong', 'failed']).openapi({
      description:
        '`tooMany`: more than `eventsMax`, and nothing was sent. `tooLong`: a dry run that has counted for 15 minutes. `stalled`: more than 100 lanes, or some with more than 2,000 runs together, had no room or did not answer, and others are still to be sent to. Continued it goes on with those first, and tries what is left at its end. `failed`: `why` says of what.',
    }),
    why: z.string().optional().openapi({ description: 'Of one that failed.' }),
    events: z
      .int()
      .optional()
      .openapi({ description: 'So many were sent again, given up, or counted. Absent while no worker answers.' }),
    total: z.int().optional().openapi({
      description:
        'How many there were when they were counted, before the first was sent; no more are given up. With `tooMany` and `tooLong`: at least so many, for counting ended there.',
    }),
    named: z.int().optional().openapi({
      description:
        'How many events were named by their ids. Where it is over with fewer `events`, some were not found where they were to be: they were sent meanwhile, by another request or by a worker that died, or their histories were deleted.',
    }),
    lanes: z.int().optional().openapi({ description: 'Lanes that had dead letters.' }),
    runs: z.int().optional().openapi({ description: 'Runs of lanes that were read for delivered events.' }),
    deletedRuns: z
      .int()
      .optional()
      .openapi({ description: 'Runs that retention deleted before they were read: their events are not sent.' }),
    historySince: z.iso.datetime().optional().openapi({
      description: 'What was delivered by runs that closed before may be deleted (retention), and is not found.',
    }),
    eventsPerSecond: z.int().optional(),
    unanswered: z.int().optional().openapi({
      description:
        'Lanes that did not answer, or had more than 4,000 events waiting for long: those of `unansweredParked`, and those with delivered events that were not sent.',
    }),
    unansweredParked: z.int().optional().openapi({
      description:
        'Lanes whose dead letters were neither sent nor counted. To continue it does not ask them: begin another one with `status` `parked`, for `any` sends what was delivered once more.',
    }),
    unansweredEvents: z.int().optional().openapi({
      description: 'Delivered events that were not sent for that. `POST /v1/replays/{id}/continue` sends these alone.',
    }),
    unansweredLanes: z
      .array(z.string())
      .optional()
      .openapi({ description: 'The first ten of the lanes that have them, by workflow id.' }),
    startedAt: z.iso.datetime().optional(),
  })
  .openapi('Replay');
export type Replay = z.output<typeof replaySchema>;

export const replayIdParam = z.object({
  id: z
    .string()
    .regex(/^rpl_[\w-]{1,40}$/, 'the id of a replay: rpl_…')
    .openapi({ param: { name: 'id', in: 'path' }, example: 'rpl_Jx1nW0b3Qw6mO2m0' }),
});

/** What a replay was to send, or give up, as the audit trail has it. */
export const replaySelectorSchema = z.object({
  status: z.enum(replayStatuses),
  destinationId: z.string().optional(),
  customerExternalId: z.string().optional(),
  eventType: z.string().optional(),
  acceptedFrom: z.string().optional(),
  acceptedTo: z.string().optional(),
  error: z.string().optional(),
  parkedFrom: z.string().optional(),
  parkedTo: z.string().optional(),
  events: z.int().optional().openapi({ description: 'How many events it named by their ids.' }),
});

export const replaysQuery = fieldsOf({
  customerExternalId: lineOf(255)
    .optional()
    .openapi({ description: 'Only those of this customer, or of one of its destinations, by their selectors.' }),
  limit: pageSize(50, 20),
  cursor: cursorField(),
});

const listedReplaySchema = z
  .object({
    id: z.string(),
    action: actionSchema,
    askedAt: z.iso.datetime(),
    by: z.string(),
    reason: z.string().optional(),
    dryRun: z.boolean(),
    selector: replaySelectorSchema,
    progress: replaySchema.optional().openapi({
      description: 'Absent where Temporal has none of this id: retention has deleted it, or it never began.',
    }),
  })
  .openapi('ListedReplay');

export const replayPageSchema = z.object({ replays: z.array(listedReplaySchema), nextCursor }).openapi('ReplayPage');
