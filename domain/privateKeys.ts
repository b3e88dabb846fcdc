/**
 * What is in a private key of a customer's, as far as it is not encrypted, and whether it may be opened. OpenSSL computes while it
 * reads some: of a DSA or Diffie-Hellman key the public part, with numbers as long as whoever made it liked (31 KB took it 8 s).
 * Nothing is computed here, and what is not known here is not opened.
 */
import { type DerPart, derTags, partsOf } from './der.ts';
import { isQuickRsaKey, rsaBitsMax } from './keyCost.ts';
import { type PemBlock, pemBlocksIn } from './pemBlocks.ts';

/** PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) and SEC 1 (RFC 5915), by the names that Node.js has for them. */
export type KeyForm = 'pkcs8' | 'pkcs1' | 'sec1';

export type PrivateKeyBlock = PemBlock & { form: KeyForm };

const formOfLabel: Readonly<Record<string, KeyForm>> = {
  'PRIVATE KEY': 'pkcs8',
  'ENCRYPTED PRIVATE KEY': 'pkcs8',
  'RSA PRIVATE KEY': 'pkcs1',
  'EC PRIVATE KEY': 'sec1',
};
/** openssl writes EC PARAMETERS before an EC key, and whoever has both in one file may send both. */
const otherLabels: readonly string[] = ['EC PARAMETERS', 'CERTIFICATE'];

export const keysTaken = `RSA of at most ${rsaBitsMax} bits, EC on a named curve, Ed25519 or Ed448`;

/** The one private key in the text; else what is wrong with it. */
export function privateKeyIn(text: string): PrivateKeyBlock | string {
  const others = pemBlocksIn(text)?.filter(({ label }) => !otherLabels.includes(label));
  const [block] = others ?? [];
  if (block === undefined || others?.length !== 1) return 'is not one plain PEM key';
  const form = formOfLabel[block.label];
  if (form !== undefined) return { ...block, form };
  return /^[A-Z0-9]+ PRIVATE KEY$/.test(block.label)
    ? `is a key of ${block.label.split(' ')[0]}, which we do not open`
    : 'is not one plain PEM key';
}

const names: Readonly<Record<string, string>> = {
  '2a864886f70d010101': 'RSA',
  '2a864886f70d01010a': 'RSA-PSS',
  '2a8648ce3d0201': 'EC',
  '2b6570': 'Ed25519',
  '2b6571': 'Ed448',
  '2a8648ce380401': 'DSA',
  '2a864886f70d010301': 'Diffie-Hellman',
  '2a8648ce3e0201': 'Diffie-Hellman',
  '2b656e': 'X25519',
  '2b656f': 'X448',
};

/** What is wrong with such a key, in DER and not encrypted; undefined where OpenSSL opens it, and signs with it, within a few ms. */
export function privateKeyProblem(der: Buffer, form: KeyForm): string | undefined {
  try {
    if (form === 'pkcs1') return rsaProblem(der);
    return form === 'sec1' ? ecProblem(der, true) : pkcs8Problem(der);
  } catch {
    return notDer; // OpenSSL takes more than DER: what is not seen here is not opened.
  }
}

const notDer = 'is no private key in DER, as its label says';

/** The parts of the one sequence that is there. Throws for anything else. */
function sequenceIn(der: Buffer): DerPart[] {
  const [whole, ...more] = partsOf(der);
  if (whole?.tag !== derTags.sequence || more.length > 0) throw new Error(notDer);
  return partsOf(whole.content);
}

/** Version, algorithm and key; attributes and a public key (RFC 5958) may follow. */
function pkcs8Problem(der: Buffer): string | undefined {
  const [version, algorithm, key] = sequenceIn(der);
  if (version?.tag !== derTags.integer || algorithm?.tag !== derTags.sequence || key?.tag !== derTags.octets)
    return notDer;
  const [id, parameters] = partsOf(algorithm.content);
  if (id?.tag !== derTags.objectId) return notDer;
  const name = names[id.content.toString('hex')];
  if (name === 'RSA' || name === 'RSA-PSS') return rsaProblem(key.content);
  if (name === 'Ed25519' || name === 'Ed448') return undefined;
  if (name !== 'EC') return `is a key of ${name ?? 'an algorithm that we do not know'}, which we do not open`;
  // The curve may be named in either place, or in both.
  return parameters?.tag === derTags.objectId ? ecProblem(key.content, false) : curveNotNamed;
}

function rsaProblem(der: Buffer): string | undefined {
  if (sequenceIn(der).some(({ tag }) => tag !== derTags.integer && tag !== derTags.sequence)) return notDer;
  return isQuickRsaKey(der)
    ? undefined
    : `is RSA of more than ${rsaBitsMax} bits or two primes, or has parts that are longer than its modulus makes them`;
}

const curveNotNamed = 'is EC on a curve that is spelt out instead of named';
/** The longest that a curve with a name has, sect571. */
const ecBytesMax = 72;

/** ECPrivateKey: version, key; [0] the curve, [1] the public part. OpenSSL prefers the curve in here to the one around it. */
function ecProblem(der: Buffer, isCurveNeeded: boolean): string | undefined {
  const [version, key, ...more] = sequenceIn(der);
  if (version?.tag !== derTags.integer || key?.tag !== derTags.octets || key.content.length > ecBytesMax) return notDer;
  const curves = more.filter(({ tag }) => tag === derTags.firstOptional);
  if (curves.length === 0) return isCurveNeeded ? curveNotNamed : undefined;
  const isNamed = curves.every(({ content }) => partsOf(content).every(({ tag }) => tag === derTags.objectId));
  return isNamed ? undefined : curveNotNamed;
}
