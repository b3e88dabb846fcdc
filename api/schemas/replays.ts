import { z } from '@hono/zod-openapi';
import { noteFields } from './lanes.ts';
import { fieldsOf, lineOf, wholeNumber, yesOrNo } from './text.ts';

const timeExpected = 'a time, for example "2026-01-15T09:30:00Z"';
const time = () => z.iso.datetime({ error: timeExpected, offset: true });
/** Temporal's visibility finds no value with one of these (server 1.29): the query's escapes are compared as they stand. */
const customerExpected = 'a customer without quotes and backslashes in its name; give destinationId in place of it';
const scopeExpected = 'at least one of destinationId and customerExternalId';

export const newReplaySchema = fieldsOf({
  destinationId: lineOf(100).optional(),
  customerExternalId: lineOf(255)
    .refine((text) => !/["'\\]/.test(text), { error: customerExpected, params: { problem: 'can not be looked for' } })
    .optional(),
  error: lineOf(100, { what: 'the name of an error', example: 'MESSAGE_TOO_LARGE' }).optional(),
  parkedFrom: time().optional().openapi({ description: 'Only what was parked then or later.' }),
  parkedTo: time().optional().openapi({ description: 'Only what was parked before.' }),
  dryRun: yesOrNo().default(false).openapi({ description: 'Only count what would be sent again.' }),
  eventsPerSecond: wholeNumber(1, 10_000, 'events a second').default(200),
  ...noteFields,
})
  .superRefine(({ destinationId, customerExternalId }, context) => {
    if (destinationId !== undefined || customerExternalId !== undefined) return;
    context.addIssue({ code: 'custom', path: [], message: scopeExpected, params: { problem: 'selects nothing' } });
  })
  .openapi('NewReplay', {
    example: { customerExternalId: 'acct_8K2zRq', error: 'MESSAGE_TOO_LARGE', reason: 'topic limit raised', by: 'ada' },
  });

export const replaySchema = z
  .object({
    id: z.string().openapi({ example: 'rpl_Jx1nW0b3Qw6mO2m0' }),
    status: z
      .enum(['running', 'done', 'cancelled', 'failed'])
      .openapi({ description: '`failed`: ended from outside; why is in the Temporal UI, workflow `replay:{id}`.' }),
    events: z
      .int()
      .optional()
      .openapi({ description: 'So many were sent again, or counted. Absent while no worker answers.' }),
    lanes: z.int().optional().openapi({ description: 'Lanes that had some.' }),
    unanswered: z.int().optional().openapi({ description: 'Lanes that did not answer: replay once more.' }),
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
