import { z } from '@hono/zod-openapi';

const pageSizeMax = 100;
const pageSizeExpected = `a whole number from 1 to ${pageSizeMax}`;

/** Which page of a list is asked for. */
export const pageQuery = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, pageSizeExpected)
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= pageSizeMax, {
      error: pageSizeExpected,
      params: { problem: 'is out of range' },
    })
    .default(50)
    .openapi({ type: 'integer', minimum: 1, maximum: pageSizeMax, default: 50 }),
  cursor: z.string().max(100).optional().openapi({ description: '`nextCursor` of the page before.' }),
};

export const nextCursor = z.string().optional().openapi({ description: 'Absent on the last page.' });
