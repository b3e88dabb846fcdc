import { z } from '@hono/zod-openapi';
import { permissions } from '../../domain/permission.ts';
import { scopes } from '../../domain/scope.ts';
import { fieldsOf } from './text.ts';

const keyExpected = 'an API key: cw_…';
const tokenExpected = 'what stands behind the # of a portal link';
const oneExpected = 'either apiKey or portalToken';
const token = (expected: string) =>
  z
    .string({ error: expected })
    .regex(/^[A-Za-z0-9._~+/=-]{1,200}$/, expected)
    .optional()
    .openapi({ writeOnly: true, description: expected });

export const newSessionSchema = fieldsOf({ apiKey: token(keyExpected), portalToken: token(tokenExpected) })
  .superRefine(({ apiKey, portalToken }, context) => {
    const refuse = (problem: string): void =>
      context.addIssue({ code: 'custom', message: oneExpected, params: { problem } });
    if (apiKey === undefined && portalToken === undefined) refuse('names nobody');
    if (apiKey !== undefined && portalToken !== undefined) refuse('names two');
  })
  .openapi('NewSession', { example: { apiKey: 'cw_Jx1nW0b3Qw6mO2m0Jx1nW0b3Qw6mO2m0' } });

export const sessionSchema = z
  .object({
    kind: z.enum(['operator', 'portal']),
    name: z.string().openapi({ description: "The API key's name, or the link's." }),
    scopes: z.array(z.enum(scopes)).openapi({ description: 'Of an operator; none with a portal link.' }),
    customerExternalId: z.string().optional().openapi({ description: 'With a portal link: whose it is.' }),
    permissions: z.array(z.enum(permissions)).optional().openapi({ description: 'With a portal link.' }),
    expiresAt: z.iso.datetime().openapi({ description: 'It ends then, or after two hours without a request.' }),
    csrfToken: z
      .string()
      .openapi({ description: 'The header `X-CSRF-Token` of each request that is no GET and has no API key.' }),
    temporalUi: z.string().optional().openapi({
      description: "Where the Temporal UI shows workflows, for operators: `/` and a workflow's id follow.",
    }),
  })
  .openapi('Session');

export type Session = z.output<typeof sessionSchema>;
