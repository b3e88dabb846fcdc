/**
 * What every TLS connection to an address of a customer's says in so many words: Node's defaults are the same, but for one that
 * NODE_TLS_REJECT_UNAUTHORIZED=0 switches off for a whole process, and TLS 1.0 that a flag lets in.
 */
export const verifiedTls = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const;
