import { z } from '@hono/zod-openapi';
import { scopes } from '../../domain/scope.ts';
import { nextCursor, pageQuery } from './paging.ts';
import { fieldsOf, lineOf, wholeNumber } from './text.ts';

const time = z.iso.datetime();
const scopesExpected = `one or more of ${scopes.join(', ')}, each once`;
const scopesSchema = z
  .array(z.enum(scopes, { error: scopesExpected }), { error: scopesExpected })
  .min(1, scopesExpected)
  .refine((given) => new Set(given).size === given.length, {
    error: scopesExpected,
    params: { problem: 'names a scope twice' },
  })
  .openapi({
    description:
      '`ingest`: send events. `read`: read all but API keys and the audit trail. `manage`: change destinations, replay, pause, test; API keys and the audit trail.',
    example: ['ingest'],
  });

const expiresExpected = 'a time to come, for example "2030-01-15T09:30:00Z"';

export const newApiKeySchema = fieldsOf({
  name: lineOf(100, { example: 'orders service' }).openapi({
    description: 'Who has it: in logs, histories and the audit trail.',
  }),
  scopes: scopesSchema,
  expiresAt: z.iso
    .datetime({ error: expiresExpected })
    .refine((at) => Date.parse(at) > Date.now(), { error: expiresExpected, params: { problem: 'is over' } })
    .optional()
    .openapi({ description: 'Absent: it holds until it is revoked.' }),
  requestsPerSecond: wholeNumber(1, 100_000, 'requests')
    .optional()
    .openapi({ description: 'At each API process; a batch of events is one. Absent: as many as it likes.' }),
}).openapi('NewApiKey', { example: { name: 'orders service', scopes: ['ingest'] } });

const overlapSecondsMax = 7 * 24 * 60 * 60;
const overlapSecondsUnsaid = 24 * 60 * 60;
export const rotateApiKeySchema = fieldsOf({
  overlapSeconds: wholeNumber(0, overlapSecondsMax, 'seconds')
    .default(overlapSecondsUnsaid)
    .openapi({ description: 'The key before holds for so long yet; 0 where somebody else may have it.' }),
}).openapi('ApiKeyRotation', { example: { overlapSeconds: 3_600 } });

export const apiKeySchema = z
  .object({
    id: z.string().openapi({ example: 'key_0a8d8a4e3cf54f0f9d3c1f6c1f0f2a77' }),
    name: z.string(),
    scopes: z.array(z.enum(scopes)),
    requestsPerSecond: z.int().optional(),
    createdAt: time,
    expiresAt: time.optional(),
    lastUsedAt: time.optional().openapi({ description: 'Some seconds late. Absent: never.' }),
    rotatedAt: time.optional(),
    earlierUntil: time.optional().openapi({ description: 'The key before the last rotation holds until then.' }),
    revokedAt: time.optional().openapi({ description: 'It opens nothing any more.' }),
  })
  .openapi('ApiKey');

export const madeApiKeySchema = apiKeySchema
  .extend({ key: z.string().openapi({ description: 'Shown this once: its SHA-256 digest alone is kept.' }) })
  .openapi('MadeApiKey');

export const apiKeyPageSchema = z.object({ apiKeys: z.array(apiKeySchema), nextCursor }).openapi('ApiKeyPage');
export const apiKeyQuery = fieldsOf(pageQuery);

export const apiKeyIdParam = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' }, example: 'key_0a8d8a4e3cf54f0f9d3c1f6c1f0f2a77' }),
});
