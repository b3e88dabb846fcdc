import { type KeyObject, X509Certificate } from 'node:crypto';
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

type Refusal = { problem: string; expected: string };

/** OpenSSL reads a certificate whose public key it can't read: that shows where the key is asked for. Throws nothing. */
function publicKeyOf(certificate: string): KeyObject | undefined {
  try {
    return new X509Certificate(certificate).publicKey;
  } catch {
    return undefined;
  }
}

function publicKeyRefusal(text: string): Refusal | undefined {
  const unread = (text.match(certificateBlock) ?? []).findIndex((block) => publicKeyOf(block) === undefined);
  if (unread < 0) return undefined;
  const problem = `holds a certificate (number ${unread + 1}) whose public key can't be read`;
  return {
    problem,
    expected: `${expectedCertificates}, each with a key that OpenSSL knows: leave out, or replace, that one`,
  };
}

/** Of the first, which is the client's own. */
function ownKeyRefusal(text: string): Refusal | undefined {
  const [own = ''] = text.match(certificateBlock) ?? [];
  const { asymmetricKeyType: type = '', asymmetricKeyDetails: details } = publicKeyOf(own) ?? {};
  if (!signingTypes.includes(type)) {
    return {
      problem: `has a key of ${type}, which signs no handshake`,
      expected: `a certificate of a key that is ${keysTaken}`,
    };
  }
  if ((details?.modulusLength ?? 0) <= rsaBitsMax) return undefined;
  const expected = `a certificate whose key, if it is RSA, has at most ${rsaBitsMax} bits`;
  return { problem: 'is slow to sign with', expected };
}

/** As Node.js has them. */
const signingTypes: readonly string[] = ['rsa', 'rsa-pss', 'ec', 'ed25519', 'ed448'];

const expectedCertificates = 'one or more certificates in PEM, "-----BEGIN CERTIFICATE-----…"';

/** Text with a reason of its own for each thing that may be wrong. */
const refusedFor = (schema: z.ZodString, refusalOf: (text: string) => Refusal | undefined) =>
  schema.superRefine((text, context) => {
    const refusal = refusalOf(text);
    if (!refusal) return;
    context.addIssue({ code: 'custom', message: refusal.expected, params: { problem: refusal.problem } });
  });

/** Certificates in PEM: what can't be read as such would fail only when a connection is made. */
export const certificates = () =>
  refusedFor(pem(expectedCertificates, areCertificates), (text) =>
    areCertificates(text) ? publicKeyRefusal(text) : undefined,
  );

/** A client's own: its key signs each handshake, on the one thread that serves all destinations. */
export const clientCertificates = () =>
  refusedFor(pem(`${expectedCertificates}, in plain ASCII`, areCertificatesAlone), (text) =>
    areCertificatesAlone(text) ? (publicKeyRefusal(text) ?? ownKeyRefusal(text)) : undefined,
  );

const expectedKey = `one private key in PEM, "-----BEGIN PRIVATE KEY-----…", in plain ASCII: ${keysTaken}`;
const pkcs8Command = 'openssl pkcs8 -topk8 -in old.pem -out new.pem';

/** What is wrong with such a key, and what would be right, as far as that is seen without its pass phrase. */
function privateKeyRefusal(text: string): Refusal | undefined {
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
  refusedFor(z.string({ error: expectedKey }).max(pemCharsMax, expectedKey), privateKeyRefusal).openapi({
    writeOnly: true,
  });
