import { z } from '@hono/zod-openapi';

const checkSchema = z
  .object({
    name: z.string().openapi({ example: 'worker' }),
    status: z.enum(['ok', 'warning', 'failing']),
    detail: z.string(),
    remedy: z.string().optional().openapi({ description: 'What mends it. Absent where nothing is wrong.' }),
  })
  .openapi('Check');
export type Check = z.output<typeof checkSchema>;

export const checksSchema = z
  .object({
    version: z.string().openapi({ description: 'Of Causeway.' }),
    now: z.iso.datetime().openapi({ description: "The API's clock when it was asked." }),
    tookMs: z.int().openapi({ description: 'How long the answer took from then on.' }),
    checks: z.array(checkSchema),
  })
  .openapi('Checks');
