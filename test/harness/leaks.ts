/** Looks for secrets where they must not be, in every form in which they may have got there. */

/** What must be found nowhere, by a name that may be shown. */
export type PlantedSecret = { name: string; value: string | Buffer };
/** Something that was looked through. Bytes, each a character: what was UTF-8 is so still. */
export type Trace = { where: string; bytes: string };

/** Shorter pieces of a secret are found by chance. */
const pieceCharsMin = 16;

export const traceOf = (where: string, text: string | Uint8Array): Trace => ({
  where,
  bytes: Buffer.from(typeof text === 'string' ? Buffer.from(text) : text).toString('latin1'),
});

/** Base64 of these bytes wherever they stand in a longer text, without the characters that they share with others. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const own = encoded.slice([0, 2, 3][before], (before + bytes.length) % 3 === 0 ? undefined : -1);
    return [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

function formsOfBytes(bytes: Buffer): string[] {
  const hex = bytes.toString('hex');
  return [bytes.toString('latin1'), ...base64Of(bytes), hex, hex.toUpperCase()];
}

/** As URLs, forms and JSON have it. */
function writtenForms(text: string): string[] {
  const url = encodeURIComponent(text);
  const form = new URLSearchParams({ '': text }).toString().slice(1);
  const json = JSON.stringify(text).slice(1, -1);
  const lower = url.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  return [...new Set([text, url, lower, form, json, JSON.stringify(json).slice(1, -1)])];
}

/** Each form, as bytes: in clear, URL-encoded, in JSON, in base64 at each of its three alignments, in hex. */
export function formsOf(value: string | Buffer): string[] {
  if (typeof value !== 'string') return formsOfBytes(value);
  const forms = writtenForms(value).flatMap((text) => formsOfBytes(Buffer.from(text)));
  return [...new Set(forms)].filter((form) => form.length >= Math.min(pieceCharsMin, value.length));
}

/** A private key counts as found where one line of it is, or its bytes. */
export function privateKeyParts(name: string, pem: string): PlantedSecret[] {
  const lines = pem.split('\n').filter((line) => line.length >= pieceCharsMin && !line.startsWith('-----'));
  const key = Buffer.from(lines.join(''), 'base64');
  return [{ name: `${name}, its bytes`, value: key }, ...lines.map((value) => ({ name: `${name}, a line`, value }))];
}

/** Where which secret was found: `password: API answers`, never the secret itself. */
export function leaksIn(traces: readonly Trace[], secrets: readonly PlantedSecret[]): string[] {
  const found = secrets.flatMap(({ name, value }) => {
    const forms = formsOf(value);
    return traces
      .filter(({ bytes }) => forms.some((form) => bytes.includes(form)))
      .map(({ where }) => `${name}: ${where}`);
  });
  return [...new Set(found)];
}
