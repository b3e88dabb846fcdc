/** Who asks for something is who they say they are, and the name of the API key that they have. */
export const askedBy = (key: string, by: string | undefined): string => (by === undefined ? key : `${by} (${key})`);

/** What names a request that may come again: one key's is not another's. */
export const requestKeyOf = (key: string, idempotencyKey: string | undefined): string | undefined =>
  idempotencyKey === undefined ? undefined : `${key}/${idempotencyKey}`;
