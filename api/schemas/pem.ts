import { X509Certificate } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { isCheapToOpen, iterationsMax } from './keyCost.ts';

const pemCharsMax = 64 * 1024;

const pem = (expected: string, isPem: (text: string) => boolean) =>
  z
    .string({ error: expected })
    .max(pemCharsMax, expected)
    .refine(isPem, { error: expected, params: { problem: 'is not such PEM' } });

/** One block or several, with nothing but white space and explanatory lines around them. */
const certificateBlock = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

function areCertificates(text: string): boolean {
  const blocks = text.match(certificateBlock);
  if (!blocks || /PRIVATE KEY/.test(text)) return false;
  try {
    for (const block of blocks) new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}

/** With so many OpenSSL signs in 3 ms, with 7,680 in 31 and with 15,360 in 166 (openssl speed); it takes up to 16,384. */
const rsaBitsMax = 4_096;

/** The first is the client's own. */
function isQuickToSignWith(text: string): boolean {
  const [own] = text.match(certificateBlock) ?? [];
  if (own === undefined || !areCertificates(text)) return true; // That is said already.
  return (new X509Certificate(own).publicKey.asymmetricKeyDetails?.modulusLength ?? 0) <= rsaBitsMax;
}

const privateKeyBlock = /-----BEGIN ((?:RSA |EC |ENCRYPTED )?PRIVATE KEY)-----[A-Za-z0-9+/=\s:,-]+?-----END \1-----/g;

/** openssl writes EC PARAMETERS before an EC key, so there may be more than the key. */
const isPrivateKey = (text: string): boolean => text.match(privateKeyBlock)?.length === 1;

/** Certificates in PEM: what can't be read as such would fail only when a connection is made. */
export const certificates = () =>
  pem('one or more certificates in PEM, "-----BEGIN CERTIFICATE-----…"', areCertificates);

/** A client's own: its key signs each handshake, on the one thread that serves all destinations. */
export const clientCertificates = () =>
  certificates().refine(isQuickToSignWith, {
    error: `a certificate whose key, if it is RSA, has at most ${rsaBitsMax} bits`,
    params: { problem: 'is slow to sign with' },
  });

/** A private key in PEM, never shown; an encrypted one is opened with each connection, and must not take long. */
export const privateKey = () =>
  pem('one private key in PEM, "-----BEGIN PRIVATE KEY-----…"', isPrivateKey)
    .refine(isCheapToOpen, {
      error: `a key encrypted with at most ${iterationsMax} iterations: openssl pkcs8 -topk8 -iter ${iterationsMax}`,
      params: { problem: 'takes too long to open' },
    })
    .openapi({ writeOnly: true });
