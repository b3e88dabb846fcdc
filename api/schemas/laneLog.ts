import { z } from '@hono/zod-openapi';
import { laneLogKinds } from '../../domain/laneLog.ts';
import { failedSchema, lastedFields, leftOutSchema } from './eventLog.ts';
import { cursorField, laneName, pageSize } from './lanes.ts';
import { fieldsOf } from './text.ts';

const time = z.iso.datetime();
const count = z.int();

export const laneLogQuery = fieldsOf({
  lane: laneName().openapi({ description: 'The partition key, or the number of the lane.' }),
  limit: pageSize(1_000, 100),
  cursor: cursorField(),
});

const entrySchema = z
  .object({
    id: z.string().openapi({ description: 'The same whenever the log is read.' }),
    at: time,
    kind: z.enum(laneLogKinds).openapi({
      description:
        '`continued`: a new run; `waiting`, `suspended`: the lane holds, and `error` says why; `leftOut`: attempts that settled nothing and are only counted; `wake` and `suspend` are the word of its keeper; `ignored`: a signal whose name (`reason`) or input no lane knows, and that changed nothing; `failed`: a defect of ours.',
    }),
    events: count
      .optional()
      .openapi({ description: 'How many it is about; absent where that is all that are parked.' }),
    eventId: z.string().optional(),
    attempt: z
      .object({
        number: count,
        ...lastedFields,
        outcome: z.enum(['delivered', 'partly', 'failed', 'unknown']),
        brokers: z.array(z.string()),
      })
      .optional(),
    leftOut: leftOutSchema.optional(),
    landed: z
      .array(
        z.object({
          partition: count,
          broker: z.string(),
          events: count,
          firstOffset: count.optional(),
          lastOffset: count.optional(),
        }),
      )
      .optional(),
    error: failedSchema.optional(),
    reason: z.string().optional(),
    by: z.string().optional(),
    replayId: z.string().optional().openapi({ description: 'The replay that sent delivered events again.' }),
    segmentId: z.string().optional(),
    holderId: z.string().optional().openapi({ description: 'The workflow in which bodies of dead letters lie.' }),
  })
  .openapi('LaneLogEntry');

export const laneLogSchema = z
  .object({
    lane: z.string(),
    workflowId: z.string(),
    entries: z.array(entrySchema).openapi({ description: 'The newest first.' }),
    deletedBefore: time
      .optional()
      .openapi({ description: 'On the last page: what happened before it Temporal has deleted (retention).' }),
    nextCursor: z.string().optional().openapi({ description: 'Absent on the last page.' }),
  })
  .openapi('LaneLog');
