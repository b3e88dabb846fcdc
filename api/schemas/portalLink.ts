import { z } from '@hono/zod-openapi';
import { permissions } from '../../domain/permission.ts';
import { nextCursor, pageQuery } from './paging.ts';
import { fieldsOf, lineOf, wholeNumber } from './text.ts';

const time = z.iso.datetime();
const lifetime = { least: 60, most: 7 * 24 * 60 * 60, unsaid: 60 * 60 };
const permissionsExpected = `some of ${permissions.join(', ')}, each once`;
const permissionsSchema = z
  .array(z.enum(permissions, { error: permissionsExpected }), { error: permissionsExpected })
  .min(1, permissionsExpected)
  .refine((given) => new Set(given).size === given.length, {
    error: permissionsExpected,
    params: { problem: 'names a permission twice' },
  });

export const newPortalLinkSchema = fieldsOf({
  customerExternalId: lineOf(255, { example: 'acct_8K2zRq' }),
  lifetimeSeconds: wholeNumber(lifetime.least, lifetime.most, 'seconds')
    .default(lifetime.unsaid)
    .openapi({ description: 'For so long the link opens the portal; who came by it is signed out then, too.' }),
  permissions: permissionsSchema.default(['read']).openapi({
    description:
      '`read`: see what is theirs; every link has it. `manage_destinations`: create, change, pause, delete, test and rotate their destinations. `replay`: send again and give up their dead letters, replay their events.',
  }),
  name: lineOf(100, { example: 'Ada of Acme' })
    .optional()
    .openapi({ description: 'Whom it is for: in the histories of lanes and the audit trail.' }),
}).openapi('NewPortalLink', {
  example: { customerExternalId: 'acct_8K2zRq', lifetimeSeconds: 3_600, permissions: ['read', 'manage_destinations'] },
});

export const portalLinkSchema = z
  .object({
    id: z.string().openapi({ example: 'plk_Jx1nW0b3Qw6mO2m0' }),
    customerExternalId: z.string(),
    permissions: z.array(z.enum(permissions)),
    name: z.string().optional(),
    createdAt: time,
    expiresAt: time,
    deletedAt: time.optional().openapi({ description: 'It opens nothing any more.' }),
  })
  .openapi('PortalLink');

export const madePortalLinkSchema = portalLinkSchema
  .extend({
    url: z.string().openapi({
      description:
        'Shown this once. Whoever has it can open the portal: give it to the customer alone. What stands behind the # reaches no server log.',
      example: 'https://causeway.example.com/portal#Vb0R0hM0…',
    }),
  })
  .openapi('MadePortalLink');

export const portalLinkPageSchema = z
  .object({ portalLinks: z.array(portalLinkSchema), nextCursor })
  .openapi('PortalLinkPage');
export const portalLinkQuery = fieldsOf({
  customerExternalId: lineOf(255).optional().openapi({ description: 'Only those of this customer.' }),
  ...pageQuery,
});

export const portalLinkIdParam = z.object({
  id: z.string().openapi({ param: { name: 'id', in: 'path' }, example: 'plk_Jx1nW0b3Qw6mO2m0' }),
});
