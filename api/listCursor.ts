import { z } from '@hono/zod-openapi';
import { CausewayError } from '../domain/error.ts';

/** Where a page of a list ended, as text for the caller to give back; `list` names the list, so that another's is refused. */
export const cursorOf = (list: string, place: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify([list, ...place])).toString('base64url');

/** A cursor is not signed: whoever makes one up must not get further with it than `cursor_invalid`. */
const yearEndMs = Date.UTC(9_999, 11, 31);
const text = z.string().regex(/^\P{Cc}*$/u);
const count = z.int().min(0);
const timeMs = count.max(yearEndMs);
const runId = z.guid();
const token = z.string().regex(/^[\w-]*$/);

/** What the places of each list are. */
export const places = {
  lanes: z.tuple([token]),
  /** Token of the list of lanes, lanes of its page, workflow id, letters passed, and when that lane's run began; older cursors lack that. */
  deadLetters: z.tuple([token, count, text, count, timeMs.optional()]),
  /** Time, event and run: of a place between two events the time alone. */
  deliveries: z.union([
    z.tuple([timeMs, z.string().regex(/^[\w-]{22}$/), runId]),
    z.tuple([timeMs, z.literal(''), z.literal('')]),
  ]),
  /** Events of the last seven days, and the type. */
  eventTypes: z.tuple([count, text]),
  /** Run, entries left in it, when it began, and whether the lane is under its name of before names were hashed. */
  laneLog: z.tuple([runId, count, timeMs, z.literal([0, 1]).optional()]),
};

/** What {@link cursorOf} was given, a place of this form. Throws `cursor_invalid` for a text that this list did not give. */
export function placeOf<Place>(list: string, cursor: string, form: z.ZodType<Place>): Place {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(read)) throw invalidCursor();
    const [name, ...place]: unknown[] = read;
    if (name !== list) throw invalidCursor();
    return form.parse(place);
  } catch {
    throw invalidCursor();
  }
}

/** For a cursor that leads to no place in its list. */
export const invalidCursor = (): CausewayError =>
  new CausewayError('cursor_invalid', 'The cursor is none that this list gave: begin without one.');
