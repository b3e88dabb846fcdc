/**
 * What a token endpoint (RFC 6749, section 5.2) and a broker that is shown a token (RFC 7628, section 3.2.2) refuse, and how else a
 * token may fail to come. Rows of the failure table (failures.ts).
 */
import type { FailureRow } from './failures.ts';

const minuteMs = 60_000;

export const oauthRows: readonly FailureRow[] = [
  {
    ...{ name: 'TOKEN_ENDPOINT_UNAVAILABLE', kind: 'transient' },
    why: 'The token endpoint can not be reached, does not answer in time, or answers 5xx, 408, 425 or 429.',
    remedy: 'See that the token endpoint is up and can be reached from here; the lane tries again.',
  },
  {
    ...{ name: 'TOKEN_ENDPOINT_NOT_FOUND', kind: 'transient', mendedBy: 'probe' },
    lasting: { kind: 'destinationAtFault', tries: 3, ms: 15 * minuteMs },
    why: 'The name of the token endpoint is unknown to the name server: misspelt, or not there yet.',
    remedy: 'Correct the host name in auth.tokenEndpoint. Then resume.',
  },
  {
    ...{ name: 'TOKEN_ENDPOINT_REFUSED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: 'The token endpoint answers 400, 401 or 403: it does not know our client, or gives it no such token.',
    remedy: 'Correct clientId, clientSecret, scope and audience in the destination. Then resume.',
  },
  {
    ...{ name: 'TOKEN_ENDPOINT_MALFORMED', kind: 'transient', mendedBy: 'probe' },
    lasting: { kind: 'destinationAtFault', tries: 3, ms: minuteMs },
    why: 'The token endpoint answers with something else than a bearer token or an error of OAuth, or takes no TLS that we offer.',
    remedy: 'Correct auth.tokenEndpoint, to which client credentials are POSTed. Then resume.',
  },
  {
    ...{ name: 'TOKEN_ENDPOINT_UNTRUSTED', kind: 'destinationAtFault', mendedBy: 'probe' },
    why: "The token endpoint's certificate has expired, is for another host name, is too weak, or its CA is not known to us.",
    remedy: 'Mend the certificate, or auth.tokenEndpointCaCertificate. Then resume.',
  },
  {
    ...{ name: 'TOKEN_REFUSED', kind: 'transient', mendedBy: 'probe' },
    lasting: { kind: 'destinationAtFault', tries: 3, ms: minuteMs },
    why: 'The broker does not take the token: it has expired, or is signed, scoped or meant for others; or it could not be checked just now.',
    remedy:
      "See that the broker trusts the token endpoint's issuer, and that scope and audience are right. Then resume.",
  },
];
