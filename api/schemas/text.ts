import { z } from '@hono/zod-openapi';

type LineOptions = { what?: string; example?: string };

/**
 * A string of one line with 1 to `charsMax` characters. As everywhere in these schemas, the message says what is
 * expected; what is wrong is said by api/fieldProblems.ts.
 */
export function lineOf(charsMax: number, { what = 'a string', example }: LineOptions = {}) {
  const expected = `${what} of 1 to ${charsMax} characters${example === undefined ? '' : `, for example "${example}"`}`;
  return (
    z
      .string({ error: expected })
      .min(1, expected)
      .max(charsMax, expected)
      .refine((text) => text.isWellFormed(), { error: expected, params: { problem: 'holds half of a surrogate pair' } })
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
      .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), {
        error: expected,
        params: { problem: 'holds a control character' },
      })
  );
}

/** A secret: any text but for NUL, which ends a password in SASL PLAIN. Never shown. */
export function secretOf(charsMax: number) {
  const expected = `a string of 1 to ${charsMax} characters`;
  return z
    .string({ error: expected })
    .min(1, expected)
    .max(charsMax, expected)
    .refine((text) => text.isWellFormed() && !text.includes('\0'), {
      error: `${expected}, in valid Unicode, without NUL`,
      params: { problem: 'holds a character that is not allowed' },
    })
    .openapi({ writeOnly: true });
}

/** An object with just these fields; one that is unknown is refused, and the answer says which there are. */
export function fieldsOf<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const names = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? `one of ${names}` : 'a JSON object'),
  });
}

/** A whole number in a range. */
export function wholeNumber(from: number, to: number, unit: string) {
  const expected = `a whole number of ${unit} from ${from} to ${to}`;
  return z.int({ error: expected }).min(from, expected).max(to, expected);
}

export const yesOrNo = () => z.boolean({ error: 'true or false' });
