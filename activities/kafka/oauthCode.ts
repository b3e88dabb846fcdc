/** The error codes of OAuth 2.0: RFC 6749 sections 4.1.2.1 and 5.2, RFC 6750 section 3.1, RFC 8707 section 2. */
const codes: readonly unknown[] = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'access_denied',
  'server_error',
  'temporarily_unavailable',
  'invalid_token',
  'insufficient_scope',
  'invalid_target',
];

/** An error code that may be shown. Any other text of the other side's is not: it may repeat what we sent, and that is secret. */
export const oauthCode = (told: unknown): string | undefined => (codes.includes(told) ? String(told) : undefined);
