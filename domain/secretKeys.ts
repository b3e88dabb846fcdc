/** Keys of 32 bytes by name. The first one seals, all of them open. */
export type SecretKey = { id: string; key: Buffer };

/** The rings, by the variable that holds each; its name with `_FILE` or `_COMMAND` says where else it comes from. */
export type KeyRingName = 'CAUSEWAY_SECRET_KEYS' | 'CAUSEWAY_PAYLOAD_KEYS';
/** Where a key ring is read from; one of them at the most is set. */
export type KeySource<Name extends KeyRingName> = {
  [variable in Name | `${Name}_FILE` | `${Name}_COMMAND`]?: string | undefined;
};
export type SecretKeySource = KeySource<'CAUSEWAY_SECRET_KEYS'>;
export type PayloadKeySource = KeySource<'CAUSEWAY_PAYLOAD_KEYS'>;

export const keyVariablesOf = <Name extends KeyRingName>(name: Name) =>
  [name, `${name}_FILE`, `${name}_COMMAND`] as const satisfies readonly (keyof KeySource<Name>)[];

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
  if (keyVariablesOf('CAUSEWAY_SECRET_KEYS').every((name) => source[name] === undefined)) {
    return `CAUSEWAY_SECRET_KEYS must be set: id:key; ${oneKey}. Or set CAUSEWAY_SECRET_KEYS_FILE or CAUSEWAY_SECRET_KEYS_COMMAND`;
  }
  return (
    togetherProblem(source, 'CAUSEWAY_SECRET_KEYS') ??
    textProblem('CAUSEWAY_SECRET_KEYS', source.CAUSEWAY_SECRET_KEYS, keyRingOf)
  );
}

/** The same for the payload keys, which need not be there. */
export const payloadSourceProblem = (source: PayloadKeySource): string | undefined =>
  togetherProblem(source, 'CAUSEWAY_PAYLOAD_KEYS') ??
  textProblem('CAUSEWAY_PAYLOAD_KEYS', source.CAUSEWAY_PAYLOAD_KEYS, payloadKeysOf);

function togetherProblem<Name extends KeyRingName>(source: KeySource<Name>, name: Name): string | undefined {
  const set = keyVariablesOf(name).filter((variable) => source[variable] !== undefined);
  if (set.length < 2) return undefined;
  return `${set.join(' and ')} must not be set together: the key ring comes from one of them`;
}

function textProblem(name: KeyRingName, text: string | undefined, read: (text: string) => object): string | undefined {
  const found = text === undefined ? undefined : read(text);
  return found && 'problem' in found ? `${name} ${String(found.problem)}` : undefined;
}

/** The keys that encrypt payloads in Temporal; `encrypting` is undefined where payloads are written in the clear. */
export type PayloadKeys = { encrypting: SecretKey | undefined; all: readonly SecretKey[] };
export const noPayloadKeys: PayloadKeys = { encrypting: undefined, all: [] };

/** In a ring of payload keys, in the first place: nothing is encrypted, and all keys decrypt. So encryption begins, and ends, without a stop. */
const clearWord = 'clear';

/** As {@link keyRingOf}, for payload keys, of which the first may be the word `clear`. */
export function payloadKeysOf(text: string): { keys: PayloadKeys } | { problem: string } {
  const [first, ...rest] = text.split(/[,\n]/).filter((part) => part.trim() !== '');
  if (first?.trim() === clearWord && rest.length === 0) return { keys: noPayloadKeys };
  const isClear = first?.trim() === clearWord;
  const found = keyRingOf(isClear ? rest.join() : text);
  if ('problem' in found) return found;
  return { keys: { encrypting: isClear ? undefined : found.ring[0], all: found.ring } };
}
