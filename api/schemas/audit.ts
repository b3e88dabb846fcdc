import { z } from '@hono/zod-openapi';
import { nextCursor, pageQuery } from './paging.ts';
import { fieldsOf, lineOf } from './text.ts';

export const auditQuery = fieldsOf({
  subject: lineOf(100)
    .optional()
    .openapi({ description: 'Only what was done to this destination, replay or API key: its id.' }),
  keyId: lineOf(100).optional().openapi({ description: 'Only what was done with this API key.' }),
  ...pageQuery,
});

const entrySchema = z
  .object({
    at: z.iso.datetime(),
    action: z.string().openapi({
      description: 'What was done, or for `…_asked` was asked of Temporal or a broker.',
      example: 'destination.changed',
    }),
    subject: z.string().openapi({ description: 'The id of what it was done to.', example: 'dst_4kq0x2v6mzTr1AbC' }),
    detail: z.record(z.string(), z.unknown()).openapi({
      description: 'Names of fields, counts, reasons: no secret, and nothing of an event but its lane.',
      example: { version: 3, fields: ['brokers', 'auth.password'] },
    }),
    by: z.object({
      keyId: z.string().optional().openapi({ description: 'The API key; absent where none was needed.' }),
      name: z.string().openapi({ description: 'Its name then.' }),
      address: z
        .string()
        .optional()
        .openapi({ description: 'Where the connection came from: a proxy, where there is one.' }),
      requestId: z.string().optional().openapi({ description: "The answer's `X-Request-Id`." }),
      via: z.enum(['dashboard', 'portal']).optional().openapi({
        description:
          '`dashboard`: somebody who had signed in with the key. `portal`: somebody who came by a portal link, which is what `keyId` and `name` say then. Absent: the key itself.',
      }),
    }),
  })
  .openapi('AuditEntry');

export const auditPageSchema = z.object({ entries: z.array(entrySchema), nextCursor }).openapi('AuditPage');
