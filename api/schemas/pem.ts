import { X509Certificate } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { isCheapToOpen, iterationsMax, rsaBitsMax } from '../../domain/keyCost.ts';
import { pemBlocksIn } from '../../domain/pemBlocks.ts';

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

/** Nothing else, for OpenSSL takes certificates by other labels too. */
const areCertificatesAlone = (text: string): boolean =>
  pemBlocksIn(text)?.every(({ label }) => label === 'CERTIFICATE') === true && areCertificates(text);

/** The first is the client's own. */
function isQuickToSignWith(text: string): boolean {
  if (!areCertificatesAlone(text)) return true; // That is said already.
  const [own = ''] = text.match(certificateBlock) ?? [];
  return (new X509Certificate(own).publicKey.asymmetricKeyDetails?.modulusLength ?? 0) <= rsaBitsMax;
}

const keyLabel = /^(?:RSA |EC |ENCRYPTED )?PRIVATE KEY$/;
/** openssl writes EC PARAMETERS before an EC key, and whoever has both in one file may send both. */
const otherLabels: readonly string[] = ['EC PARAMETERS', 'CERTIFICATE'];

function isPrivateKey(text: string): boolean {
  const others = pemBlocksIn(text)?.filter(({ label }) => !otherLabels.includes(label));
  return others?.length === 1 && others.every(({ label }) => keyLabel.test(label));
}

const expectedCertificates = 'one or more certificates in PEM, "-----BEGIN CERTIFICATE-----…"';

/** Certificates in PEM: what can't be read as such would fail only when a connection is made. */
export const certificates = () => pem(expectedCertificates, areCertificates);

/** A client's own: its key signs each handshake, on the one thread that serves all destinations. */
export const clientCertificates = () =>
  pem(`${expectedCertificates}, in plain ASCII`, areCertificatesAlone).refine(isQuickToSignWith, {
    error: `a certificate whose key, if it is RSA, has at most ${rsaBitsMax} bits`,
    params: { problem: 'is slow to sign with' },
  });

/** A private key in PEM, never shown; an encrypted one is opened with each connection, and must not take long. */
export const privateKey = () =>
  pem('one private key in PEM, "-----BEGIN PRIVATE KEY-----…", in plain ASCII', isPrivateKey)
    .refine((text) => !isPrivateKey(text) || isCheapToOpen(text), {
      error: `a key encrypted with at most ${iterationsMax} iterations: openssl pkcs8 -topk8 -iter ${iterationsMax}`,
      params: { problem: 'takes too long to open' },
    })
    .openapi({ writeOnly: true });
