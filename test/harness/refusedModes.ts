import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import { echoPaths } from './hostileServers.ts';
import type { RotatedMode } from './rotatedModes.ts';
import type { SecuredKafka } from './securedListeners.ts';

type Way = Pick<RotatedMode, 'broker' | 'auth'>;
/** What is wrong about a destination, and the error that its lane holds for. */
export type Refusal = { brokers: string[]; auth: Way['auth']; error: RegExp };

const nobody = 'nobody-we-know';
const expired = { days: { from: -3, to: -1 } };

/** What else may be wrong, beside the secret, with a way in that is right; at `echoing` a token endpoint repeats what it is sent. */
export const refusalsOf = (way: Way, kafka: SecuredKafka, echoing: string): Refusal[] => {
  const wrong = (error: RegExp, auth: Partial<Way['auth']>, broker = way.broker): Refusal => ({
    ...{ error, brokers: [broker] },
    auth: { ...way.auth, ...auth },
  });
  return [
    ...strangers(way, echoing).map(([error, auth]) => wrong(error, auth)),
    wrong(/^UNABLE_TO_VERIFY_LEAF_SIGNATURE$/, { caCertificate: newAuthority().pem }),
    wrong(/^ERR_TLS_CERT_ALTNAME_INVALID$/, {}, way.broker.replace('127.0.0.1', 'localhost')),
    wrong(/^CERT_HAS_EXPIRED$/, {}, kafka.expired),
  ];
};

function strangers({ auth: { mode } }: Way, echoing: string): [RegExp, Partial<Way['auth']>][] {
  if (mode === 'MTLS') {
    const certificate = (wish = {}) => {
      const { pem, keyPem } = newCertificate(newAuthority(), nobody, wish);
      return { clientCertificate: pem, clientKey: keyPem };
    };
    return [
      [/^CLIENT_CERTIFICATE_REFUSED$/, certificate()],
      [/^CLIENT_CERTIFICATE_EXPIRED$/, certificate(expired)],
    ];
  }
  if (mode !== 'SASL_OAUTHBEARER') return [[/^SASL_AUTHENTICATION_FAILED$/, { username: nobody }]];
  const echoes = echoPaths.map((path): [RegExp, Partial<Way['auth']>] => [
    /^TOKEN_ENDPOINT_(REFUSED|MALFORMED)$/,
    { tokenEndpoint: `http://${echoing}${path}` },
  ]);
  return [[/^TOKEN_ENDPOINT_REFUSED$/, { clientId: nobody }], ...echoes];
}
