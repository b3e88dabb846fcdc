import { X509Certificate } from 'node:crypto';
import { z } from '@hono/zod-openapi';
import { encryptionTaken, isCheapToDecrypt, iterationsMax, rsaBitsMax } from '../../domain/keyCost.ts';
import { pemBlocksIn } from '../../domain/pemBlocks.ts';
import { keysTaken, privateKeyIn, privateKeyProblem } from '../../domain/privateKeys.ts';

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

const expectedCertificates = 'one or more certificates in PEM, "-----BEGIN CERTIFICATE-----…"';

/** Certificates in PEM: what can't be read as such would fail only when a connection is made. */
export const certificates = () => pem(expectedCertificates, areCertificates);

/** A client's own: its key signs each handshake, on the one thread that serves all destinations. */
export const clientCertificates = () =>
  pem(`${expectedCertificates}, in plain ASCII`, areCertificatesAlone).refine(isQuickToSignWith, {
    error: `a certificate whose key, if it is RSA, has at most ${rsaBitsMax} bits`,
    params: { problem: 'is slow to sign with' },
  });

const expectedKey = `one private key in PEM, "-----BEGIN PRIVATE KEY-----…", in plain ASCII: ${keysTaken}`;
const pkcs8Command = 'openssl pkcs8 -topk8 -in old.pem -out new.pem';

/** What is wrong with such a key, and what would be right, as far as that is seen without its pass phrase. */
function privateKeyRefusal(text: string): { problem: string; expected: string } | undefined {
  const block = privateKeyIn(text);
  if (typeof block === 'string') return { problem: block, expected: expectedKey };
  const der = Buffer.from(block.base64, 'base64');
  if (block.label === 'ENCRYPTED PRIVATE KEY') {
    const encrypted = `a key encrypted with ${encryptionTaken}: ${pkcs8Command} -v2 aes-256-cbc -iter ${iterationsMax}`;
    return isCheapToDecrypt(der)
      ? undefined
      : { problem: 'takes too long to open, or is encrypted in another way', expected: encrypted };
  }
  const problem = block.dekInfo === undefined ? privateKeyProblem(der, block.form) : undefined;
  return problem === undefined ? undefined : { problem, expected: expectedKey };
}

/** A private key in PEM, never shown; an encrypted one is opened where a connection is made, and must not take long. */
export const privateKey = () =>
  z
    .string({ error: expectedKey })
    .max(pemCharsMax, expectedKey)
    .superRefine((text, context) => {
      const refused = privateKeyRefusal(text);
      if (!refused) return;
      context.addIssue({ code: 'custom', message: refused.expected, params: { problem: refused.problem } });
    })
    .openapi({ writeOnly: true });
