import { X509Certificate } from 'node:crypto';
import { NamedError } from './failureNames.ts';

/**
 * Throws `CLIENT_CERTIFICATE_EXPIRED`. A broker refuses such a certificate after our side of the handshake is over (TLS 1.3), with
 * an alert that a reset connection may swallow: here the cause has a name.
 */
export function checkClientCertificate(pem: string): void {
  const { validTo } = new X509Certificate(pem);
  if (Date.parse(validTo) > Date.now()) return;
  throw new NamedError({ name: 'CLIENT_CERTIFICATE_EXPIRED', message: `Our client certificate ended on ${validTo}.` });
}
