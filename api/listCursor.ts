import { CausewayError } from '../domain/error.ts';

/** Where a page of a list ended, as text for the caller to give back; `list` names the list, so that another's is refused. */
export const cursorOf = (list: string, place: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify([list, ...place])).toString('base64url');

/** What {@link cursorOf} was given. Throws `cursor_invalid` for a text that this list did not give. */
export function placeOf(list: string, cursor: string): (string | number)[] {
  try {
    const read: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (!Array.isArray(read)) throw invalid();
    const [name, ...place]: unknown[] = read;
    if (name !== list || !place.every(isPart)) throw invalid();
    return place;
  } catch {
    throw invalid();
  }
}

const isPart = (part: unknown): part is string | number => typeof part === 'string' || Number.isSafeInteger(part);

const invalid = (): CausewayError =>
  new CausewayError('cursor_invalid', 'The cursor is none that this list gave: begin without one.');
