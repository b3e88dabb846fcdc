import { newAuthority, newCertificate } from '../../dev/servers/certificates.ts';
import type { Auth, AuthMode } from '../../domain/destination.ts';
import type { SecuredKafka } from './securedListeners.ts';
import { writeAcl } from './sharedSecuredKafka.ts';
import { oauthPrincipal, type TokenServer } from './tokenServer.ts';

export type Mode = Exclude<AuthMode, 'NONE'>;
export const modes: readonly Mode[] = [
  ...(['SASL_PLAIN', 'SASL_SCRAM_SHA_256', 'SASL_SCRAM_SHA_512'] as const),
  ...(['SASL_OAUTHBEARER', 'MTLS'] as const),
];

type Credentials = { [field in keyof Auth | 'password' | 'clientSecret' | 'clientKey']?: string };
/** A mode with the credentials that a destination has, those that it gets, and some that no broker takes. */
export type RotatedMode = {
  broker: string;
  auth: { mode: Mode; caCertificate: string } & Credentials;
  next: Credentials;
  wrong: Credentials;
  /** Who may write to the topic: with the first credentials, and with the next ones. */
  principals: readonly string[];
  /** The customer takes the first credentials back; for good, where they are not of this topic alone. */
  revoke(topic: string): Promise<void>;
};

/** What is to be rotated in this mode. For OAUTHBEARER the server takes `nextSecret` from now on. */
export function rotatedMode(mode: Mode, kafka: SecuredKafka, tokens: TokenServer, nextSecret: string): RotatedMode {
  const { caCertificate, rotation } = kafka;
  const { first, next } = rotation;
  const common = { mode, caCertificate };
  if (mode === 'SASL_OAUTHBEARER') {
    tokens.secrets.add(nextSecret);
    return {
      broker: kafka.oauth,
      auth: { ...common, ...tokens.auth },
      next: { clientSecret: nextSecret },
      wrong: { clientSecret: 'n0t-the-secret' },
      principals: [oauthPrincipal],
      revoke: async () => void tokens.secrets.delete(tokens.auth.clientSecret),
    };
  }
  if (mode === 'MTLS') {
    const certificate = (one: SecuredKafka['client']) => ({ clientCertificate: one.pem, clientKey: one.keyPem });
    return {
      broker: kafka.mutual,
      auth: { ...common, ...certificate(first.client) },
      next: certificate(next.client),
      wrong: { clientKey: newCertificate(newAuthority(), 'first').keyPem },
      principals: ['User:CN=first', 'User:CN=next'],
      revoke: (topic) => writeAcl(kafka, topic, 'User:CN=first', false),
    };
  }
  return {
    broker: kafka.secured,
    auth: { ...common, username: first.username, password: first.password },
    next: { username: next.username, password: next.password },
    wrong: { password: 'n0t-the-password' },
    principals: ['User:first', 'User:next'],
    revoke: (topic) => writeAcl(kafka, topic, 'User:first', false),
  };
}
