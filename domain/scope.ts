/** What an API key may do. Each route of the API needs one of these; a key has one or more, and none holds another. */
export const scopes = ['ingest', 'read', 'manage'] as const;
export type Scope = (typeof scopes)[number];
