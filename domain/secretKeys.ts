/** Keys of 32 bytes by name. The first one seals, all of them open. */
export type SecretKey = { id: string; key: Buffer };

/** Where the key ring is read from; exactly one of them is set. */
export const secretKeyVariables = [
  'CAUSEWAY_SECRET_KEYS',
  'CAUSEWAY_SECRET_KEYS_FILE',
  'CAUSEWAY_SECRET_KEYS_COMMAND',
] as const;
export type SecretKeySource = { [name in (typeof secretKeyVariables)[number]]?: string | undefined };

const keyBytes = 32;
const keyForm = /^[A-Za-z0-9+/]{43}=$/;
const oneKey = `a key is ${keyBytes} bytes in base64 (openssl rand -base64 ${keyBytes})`;

/** The ring that a text holds (`id:base64`, separated by commas or line ends), or what is wrong with it, without a key in it. */
export function keyRingOf(text: string): { ring: readonly SecretKey[] } | { problem: string } {
  const parts = text.split(/[,\n]/).map((part) => part.trim());
  const ring: SecretKey[] = [];
  for (const part of parts.filter((one) => one !== '')) {
    const [, id, base64] = /^([\w-]{1,32})\s*:\s*(.*)$/.exec(part) ?? [];
    if (id === undefined || base64 === undefined) return { problem: `must be id:key, comma-separated; ${oneKey}` };
    if (!keyForm.test(base64)) return { problem: `has no usable key "${id}": ${oneKey}` };
    ring.push({ id, key: Buffer.from(base64, 'base64') });
  }
  if (ring.length === 0) return { problem: `holds no key: it must be id:key, comma-separated; ${oneKey}` };
  if (new Set(ring.map(({ id }) => id)).size < ring.length) return { problem: 'must give each key an id of its own' };
  return { ring };
}

/** What is wrong with where the ring is to come from; undefined where nothing is. */
export function sourceProblem(source: SecretKeySource): string | undefined {
  const set = secretKeyVariables.filter((name) => source[name] !== undefined);
  if (set.length === 0) {
    return `CAUSEWAY_SECRET_KEYS must be set: id:key; ${oneKey}. Or set CAUSEWAY_SECRET_KEYS_FILE or CAUSEWAY_SECRET_KEYS_COMMAND`;
  }
  if (set.length > 1) return `${set.join(' and ')} must not be set together: the key ring comes from one of them`;
  const found = source.CAUSEWAY_SECRET_KEYS === undefined ? undefined : keyRingOf(source.CAUSEWAY_SECRET_KEYS);
  return found && 'problem' in found ? `CAUSEWAY_SECRET_KEYS ${found.problem}` : undefined;
}
