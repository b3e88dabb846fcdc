import { z } from '@hono/zod-openapi';
import { hostPortOf } from '../../domain/address.ts';
import { eventFields } from '../../domain/event.ts';
import { deliveryStates } from '../../domain/lane.ts';
import { type AllowPrivate, isRefusedHost } from '../../domain/privateNetworks.ts';
import { authChangeSchema, newAuthSchema, shownAuthSchema } from './auth.ts';
import { pageQuery } from './paging.ts';
import { newProducerSchema, producerChangeSchema, shownProducerSchema } from './producer.ts';
import { fieldsOf, lineOf, yesOrNo } from './text.ts';

const brokersMax = 50;
const patternsMax = 100;
const lanesMax = 1_024;

function broker(allowPrivateBrokers: AllowPrivate) {
  const expected = 'host:port, for example "broker-1.example.com:9093"';
  return z
    .string({ error: expected })
    .refine((text) => hostPortOf(text) !== undefined, {
      error: expected,
      params: { problem: 'is not such an address' },
    })
    .refine((text) => !isRefusedHost(hostPortOf(text)?.host ?? '', allowPrivateBrokers), {
      error: `${expected}: a public address`,
      params: { problem: 'is on a private network or this machine' },
    });
}

function brokers(allowPrivateBrokers: AllowPrivate) {
  const expected = `a list of 1 to ${brokersMax} addresses, each host:port`;
  return z
    .array(broker(allowPrivateBrokers), { error: expected })
    .min(1, expected)
    .max(brokersMax, expected)
    .openapi({ description: 'Where the cluster is asked for its other brokers.' });
}

const topic = () =>
  z
    .string({ error: topicExpected })
    .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, topicExpected)
    .openapi({ description: 'It must exist; Causeway needs WRITE on it and nothing else.' });
const topicExpected = "the name of a Kafka topic: 1 to 249 of A-Z a-z 0-9 . _ -, and not '.' or '..'";

/** Fields of an event that are objects, so that a path must go on into them. */
const objectFields: readonly string[] = ['payload', 'metadata'];
const fieldNames: readonly string[] = eventFields;

function isEventPath(path: string): boolean {
  const [first = '', ...rest] = path.split('.');
  return fieldNames.includes(first) && objectFields.includes(first) === rest.length > 0 && !rest.includes('');
}

const partitionKey = () =>
  lineOf(255, { what: 'a path into the event' })
    .refine(isEventPath, {
      error: 'a path into the event, for example "customerExternalId" or "payload.orderId"',
      params: { problem: 'leads to no value of an event' },
    })
    .openapi({ description: "Where in the event the record's key stands: it decides order and Kafka partition." });

function eventTypes() {
  const expected = `a list of 1 to ${patternsMax} patterns of event types`;
  return z
    .array(lineOf(255, { what: 'a pattern', example: 'order.*' }), { error: expected })
    .min(1, expected)
    .max(patternsMax, expected)
    .openapi({ description: 'Patterns of the event types that are wanted; `*` stands for any run of characters.' });
}

function lanes() {
  const expected = `"key", or a whole number of lanes from 1 to ${lanesMax}`;
  const number = z.int({ error: expected }).min(1, expected).max(lanesMax, expected);
  return z.union([z.literal('key'), number], { error: expected }).openapi({
    description: '`"key"`: a lane per partition key. A number: keys are spread over so many lanes.',
  });
}

const onDeadLetter = () =>
  z.enum(['continue', 'block'], { error: '"continue" or "block"' }).openapi({
    description: 'Whether later events of a key go on or wait while one of them is parked.',
  });

const name = () => lineOf(255).openapi({ description: 'For people.' });

export const exampleDestination = {
  type: 'KAFKA',
  name: 'Production',
  customerExternalId: 'acct_8K2zRq',
  brokers: ['broker-1.example.com:9093', 'broker-2.example.com:9093'],
  topic: 'pushrail.events.v1',
  partitionKey: 'customerExternalId',
  eventTypes: ['order.*'],
  auth: { mode: 'SASL_SCRAM_SHA_512', username: 'pushrail', password: 'correct horse battery staple' },
  producer: { lingerMs: 100, batchSizeBytes: 1_048_576, acks: 'all', compression: 'none' },
};

export const newDestinationSchema = (allowPrivateBrokers: AllowPrivate) =>
  fieldsOf({
    type: z.literal('KAFKA', { error: '"KAFKA"' }),
    name: name(),
    customerExternalId: lineOf(255, { example: 'acct_8K2zRq' }).openapi({
      description: 'The customer whose events it gets. It stays as it is.',
    }),
    brokers: brokers(allowPrivateBrokers),
    topic: topic(),
    partitionKey: partitionKey().default('customerExternalId'),
    eventTypes: eventTypes().default(['*']),
    enabled: yesOrNo().default(true).openapi({ description: 'While false, no event is accepted for it.' }),
    auth: newAuthSchema(allowPrivateBrokers),
    producer: newProducerSchema().prefault({}),
    ordering: fieldsOf({ lanes: lanes() })
      .optional()
      .openapi({ description: 'Absent: `"key"` where the partition key is the customer, else 4 lanes.' }),
    onDeadLetter: onDeadLetter().default('continue'),
  }).openapi('NewDestination', { example: exampleDestination });

export const exampleChange = {
  topic: 'pushrail.events.v2',
  auth: { password: 'battery horse staple correct' },
  producer: { lingerMs: 20 },
};

export const destinationChangeSchema = (allowPrivateBrokers: AllowPrivate) =>
  fieldsOf({
    name: name().optional(),
    brokers: brokers(allowPrivateBrokers).optional(),
    topic: topic().optional(),
    partitionKey: partitionKey().optional(),
    eventTypes: eventTypes().optional(),
    enabled: yesOrNo().optional(),
    auth: authChangeSchema(allowPrivateBrokers).optional(),
    producer: producerChangeSchema().optional(),
    ordering: fieldsOf({ lanes: lanes() }).optional(),
    onDeadLetter: onDeadLetter().optional(),
  }).openapi('DestinationChange', { example: exampleChange });

const healthSchema = z.object({
  state: z.enum(deliveryStates).openapi({ description: 'The worst that one of its lanes has.' }),
  deadLetters: z.int(),
  lanes: z.int().openapi({ description: 'Those that do not simply deliver.' }),
  error: z.object({ name: z.string(), message: z.string() }).optional(),
  since: z.iso.datetime().optional(),
});

export const destinationSchema = z
  .object({
    id: z.string().openapi({ example: 'dst_4kq0x2v6mzTr1AbC' }),
    customerExternalId: z.string(),
    type: z.literal('KAFKA'),
    name: z.string(),
    brokers: z.array(z.string()),
    topic: z.string(),
    partitionKey: z.string(),
    eventTypes: z.array(z.string()),
    enabled: z.boolean(),
    auth: shownAuthSchema,
    producer: shownProducerSchema(),
    ordering: z.object({ lanes: z.union([z.literal('key'), z.int()]) }),
    onDeadLetter: z.enum(['continue', 'block']),
    paused: z
      .object({ since: z.iso.datetime(), reason: z.string().optional(), by: z.string() })
      .optional()
      .openapi({ description: 'Events are accepted and wait, until someone resumes it.' }),
    earlierCredentials: z.object({ replacedAt: z.iso.datetime(), workers: z.int() }).optional().openapi({
      description:
        'There while so many processes, workers and APIs, may still connect with replaced credentials: revoke those once it is gone.',
    }),
    health: healthSchema.optional().openapi({
      description: 'In a list: how its lanes stood when all were looked at. Absent while that is not known.',
    }),
    version: z.int().openapi({ description: 'Grows by one with each change; also the ETag.' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('Destination');

export const destinationPageSchema = z
  .object({
    destinations: z.array(destinationSchema),
    nextCursor: z.string().optional().openapi({ description: 'Absent on the last page.' }),
  })
  .openapi('DestinationPage');

const troubles = ['Suspended', 'Waiting', 'Parked', 'Paused'] as const;

export const listQuery = fieldsOf({
  customerExternalId: lineOf(255).optional().openapi({ description: 'Only those of this customer.' }),
  search: lineOf(200).optional().openapi({
    description: 'Only those with this text in their name, topic, customer or id, whatever the case of its letters.',
  }),
  state: z
    .enum(troubles, { error: `one of ${troubles.join(', ')}` })
    .optional()
    .openapi({ description: 'Only those whose worst lane was in this state when the lanes were looked at.' }),
  ...pageQuery,
});

export const destinationIdParam = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' }, example: 'dst_4kq0x2v6mzTr1AbC' }),
});

const versionExpected = 'the ETag of an earlier answer, for example "3" with its quotes, or *';

/** Proxies that compress an answer make its ETag a weak one; it still names the version. */
export const ifMatchHeader = z.object({
  'if-match': z
    .string()
    .regex(/^(\*|(W\/)?"\d{1,9}")$/, versionExpected)
    .optional()
    .openapi({
      description: `Do it only if it is still at this version: ${versionExpected}. Else 412.`,
      example: '"3"',
    }),
});

export type NewDestinationInput = z.output<ReturnType<typeof newDestinationSchema>>;
export type DestinationChangeInput = z.output<ReturnType<typeof destinationChangeSchema>>;
export type ShownDestination = z.output<typeof destinationSchema>;
