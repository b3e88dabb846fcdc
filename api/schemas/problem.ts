import { z } from '@hono/zod-openapi';
import { scopes } from '../../domain/scope.ts';

export const problemSchema = z
  .object({
    type: z.string().openapi({ example: 'urn:causeway:problem:validation_failed' }),
    title: z.string().openapi({ example: 'Some fields are not valid' }),
    status: z.number().int().openapi({ example: 422 }),
    detail: z.string().openapi({ example: 'topic is missing: expected a topic name' }),
    code: z
      .string()
      .openapi({ description: 'For programs: it stays, whatever the texts become.', example: 'validation_failed' }),
    errors: z
      .array(
        z.object({
          field: z.string().openapi({ example: 'topic' }),
          problem: z.string().openapi({ example: 'is missing' }),
          expected: z.string().openapi({ example: 'a topic name' }),
        }),
      )
      .optional(),
    missingScope: z.enum(scopes).optional().openapi({ description: 'With `scope_missing`.' }),
  })
  .openapi('Problem', { description: 'An error, as RFC 9457 has it.' });

const content = { 'application/problem+json': { schema: problemSchema } };
export const retryAfter = { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } } as const;

const authenticate = { 'WWW-Authenticate': { description: '`Bearer`', schema: { type: 'string' } } } as const;

const limitHeader = {
  description: 'draft-ietf-httpapi-ratelimit-headers; in every answer to a key that has a limit.',
  schema: { type: 'string' },
} as const;

const described = {
  400: { description: 'The request or its JSON is malformed.', content },
  401: { description: 'No valid API key.', content, headers: authenticate },
  403: { description: 'The API key lacks the scope that this needs: `missingScope`.', content, headers: authenticate },
  404: { description: 'There is no such thing.', content },
  409: { description: 'It can not be done in the present state.', content },
  410: { description: 'It is not there any more.', content },
  412: { description: 'It was changed meanwhile.', content },
  413: { description: 'The body is too large.', content },
  415: { description: 'The content type is not supported.', content },
  422: { description: 'Some fields are not valid; `errors` names each.', content },
  429: {
    description: 'The API key has made all the requests that it may make for now.',
    content,
    headers: { ...retryAfter, RateLimit: limitHeader, 'RateLimit-Policy': limitHeader },
  },
  500: { description: 'Something failed on our side.', content },
  503: { description: 'Not now: send the same request again after `Retry-After`.', content, headers: retryAfter },
};

/** What Node's HTTP server answers by itself, before a request is one. */
export const serverAnswers = {
  408: { description: 'The request did not come whole within a minute. Without a body.' },
  431: { description: 'The request line and headers are over 16 KiB. Without a body.' },
};

/** Responses of a route for these statuses and 500, each a Problem; a route that needs a key may answer 429, too. */
export function problemResponses<Status extends keyof typeof described>(
  ...statuses: Status[]
): Pick<typeof described, Status | 500> & typeof serverAnswers {
  const limited = statuses.some((status) => status === 401) ? [429 as const] : [];
  const all = [...statuses, ...limited, 500 as const].map((status) => [status, described[status]]);
  // The keys are just those: Object.fromEntries has no type that says so.
  return { ...(Object.fromEntries(all) as Pick<typeof described, Status | 500>), ...serverAnswers };
}
