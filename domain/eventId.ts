/** An event's id is `evt_` and 128 bits in base64url; blocks carry the 22 characters without the prefix, its digest. */
export const eventIdPrefix = 'evt_';

export const eventIdOf = (digest: string): string => eventIdPrefix + digest;

/** The digest of an event's id as a person or program gave it, with or without the prefix; undefined if it is none. */
export function digestOfEventId(id: string): string | undefined {
  const digest = id.startsWith(eventIdPrefix) ? id.slice(eventIdPrefix.length) : id;
  return /^[A-Za-z0-9_-]{22}$/.test(digest) ? digest : undefined;
}
