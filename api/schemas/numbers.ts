import { z } from '@hono/zod-openapi';
import { deliveryStates } from '../../domain/lane.ts';
import { nextCursor, pageQuery } from './paging.ts';
import { fieldsOf, lineOf } from './text.ts';

const time = z.iso.datetime();
const count = z.int();

const ofWhom = {
  customerExternalId: lineOf(255).optional().openapi({ description: "Of this customer's destinations alone." }),
  destinationId: lineOf(100).optional().openapi({ description: 'Of this destination alone.' }),
};

export const overviewQuery = fieldsOf(ofWhom);

const laneCounts = z.object({
  Delivering: count.optional().openapi({ description: 'Absent where it is narrowed to a customer or destination.' }),
  Waiting: count,
  Suspended: count,
  Parked: count,
  Paused: count,
});

const worstSchema = z
  .object({
    destinationId: z.string(),
    name: z.string(),
    customerExternalId: z.string(),
    state: z.enum(deliveryStates).openapi({ description: 'The worst that one of its lanes has.' }),
    deadLetters: count,
    lanes: count.openapi({ description: 'Those that do not simply deliver.' }),
    error: z.object({ name: z.string(), message: z.string() }).optional().openapi({ description: 'Of one of them.' }),
    since: time.optional(),
  })
  .openapi('DestinationInTrouble');

export const overviewSchema = z
  .object({
    at: time,
    sampledAt: time.optional().openapi({ description: 'When the lanes were looked at. Absent before the first time.' }),
    staleSeconds: z.number().optional(),
    now: z.object({
      acceptedPerSecond: z.number().openapi({ description: 'Over the last one to two minutes, as is the next.' }),
      deliveredPerSecond: z.number(),
      lanes: laneCounts,
      deadLetters: count,
      deadLettersAtLeast: z.literal(true).optional().openapi({
        description: 'While not all lanes with dead letters have been looked at: thousands of them take some samples.',
      }),
      suspendedDestinations: count,
      oldestWaiting: z
        .object({ acceptedAt: time, destinationId: z.string(), lane: z.string(), state: z.enum(deliveryStates) })
        .optional()
        .openapi({
          description:
            'The oldest event of lanes that hold or are paused, as far as these have been asked: 20 every 10 s. One in a lane that delivers slowly, or whose workers are gone, is not in it: such a lane holds for nothing, and is not asked. That more is accepted than delivered tells of the first, `GET /v1/checks` of the second.',
        }),
    }),
    worst: z.array(worstSchema).openapi({ description: 'At most ten, the worst first.' }),
  })
  .openapi('Overview');

export const ranges = ['1h', '6h', '24h', '7d'] as const;
export type Range = (typeof ranges)[number];

export const seriesQuery = fieldsOf({
  range: z.enum(ranges, { error: `one of ${ranges.join(', ')}` }).default('1h'),
  ...ofWhom,
});

const counts = z.array(z.number());
const gauges = z.array(z.number().nullable()).openapi({ description: 'null where no sample was taken.' });

export const seriesSchema = z
  .object({
    from: time,
    to: time,
    stepSeconds: count,
    points: z.object({
      at: z.array(time).openapi({ description: 'When each point begins; the last one is not over yet.' }),
      accepted: counts,
      delivered: counts,
      failedTries: counts.openapi({ description: 'Of batches, in part or as a whole; those of unknown outcome too.' }),
      parked: counts,
      deadLetters: gauges,
      retrying: gauges.openapi({ description: 'Lanes whose destination can not be reached: they wait for it.' }),
      suspended: gauges.openapi({ description: 'Lanes that wait for somebody to mend the destination.' }),
    }),
  })
  .openapi('Series');

export const eventTypesQuery = fieldsOf({
  customerExternalId: lineOf(255).optional().openapi({ description: "Only this customer's." }),
  search: lineOf(255)
    .optional()
    .openapi({ description: 'Only types with this text, whatever the case of its letters.' }),
  ...pageQuery,
  cursor: z.string().max(4_000).optional().openapi({ description: '`nextCursor` of the page before.' }),
});

export const eventTypePageSchema = z
  .object({
    eventTypes: z.array(
      z
        .object({ eventType: z.string(), customers: count, last24h: z.number(), last7d: z.number(), lastAt: time })
        .openapi('EventTypeCounts'),
    ),
    nextCursor,
  })
  .openapi('EventTypePage');
