import { z } from '@hono/zod-openapi';
import { testStepNames } from '../../domain/connectionTest.ts';
import type { AllowPrivate } from '../../domain/privateNetworks.ts';
import { destinationChangeSchema, exampleDestination, newDestinationSchema } from './destination.ts';
import { fieldsOf, yesOrNo } from './text.ts';

const sendTestEvent = () =>
  yesOrNo().default(false).openapi({
    description:
      'Whether a record is written to the topic, last: an event of the type `causeway.connection_test`. Else nothing is written.',
  });

export const testRequestSchema = fieldsOf({ sendTestEvent: sendTestEvent() }).openapi('ConnectionTestRequest', {
  example: { sendTestEvent: false },
});

/** A destination as it would be created, and what the test is to do. */
export const newDestinationTestSchema = (allowPrivateBrokers: AllowPrivate) =>
  fieldsOf({ ...newDestinationSchema(allowPrivateBrokers).shape, sendTestEvent: sendTestEvent() }).openapi(
    'NewDestinationTest',
    { example: { ...exampleDestination, sendTestEvent: false } },
  );

const testStepSchema = z
  .object({
    step: z.enum(testStepNames),
    outcome: z.enum(['ok', 'failed', 'skipped']),
    broker: z.string().optional().openapi({ description: 'host:port, where the step is about one broker.' }),
    durationMs: z.int(),
    detail: z.string().optional().openapi({ description: 'What was found, or why it was skipped.' }),
    error: z
      .object({
        name: z
          .string()
          .openapi({ description: 'As in the table of failures.', example: 'SASL_AUTHENTICATION_FAILED' }),
        code: z.int().optional().openapi({ description: "Kafka's error code." }),
        message: z.string(),
        why: z.string(),
        remedy: z.string().openapi({ description: 'What would mend it.' }),
      })
      .optional(),
  })
  .openapi('ConnectionTestStep');

export const connectionTestSchema = z
  .object({
    passed: z.boolean().openapi({
      description:
        'Whether events can be delivered, as far as that can be known. It may be true though a broker of the list failed: another one let us in.',
    }),
    steps: z.array(testStepSchema),
  })
  .openapi('ConnectionTest');

/** New credentials, and the brokers where they need another listener. */
export function rotationSchema(allowPrivateBrokers: AllowPrivate) {
  const { auth, brokers } = destinationChangeSchema(allowPrivateBrokers).shape;
  return fieldsOf({ auth: auth.unwrap(), brokers }).openapi('Rotation', {
    example: { auth: { password: 'battery horse staple correct' } },
  });
}
