/** What a portal link lets its customer do with what is theirs. `read` is in every link. */
export const permissions = ['read', 'manage_destinations', 'replay'] as const;
export type Permission = (typeof permissions)[number];
