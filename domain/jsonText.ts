/**
 * Reads JSON text without changing it: where each member and element lies, as the sender wrote it. JSON.parse would turn
 * `12345678901234567890` into another number; the value of a record must not change what the sender wrote.
 *
 * Every function here takes text that JSON.parse has accepted.
 */

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** The index after the closing quote of the string that starts at `from`. */
function skipString(text: string, from: number): number {
  let at = from;
  for (;;) {
    at = text.indexOf('"', at + 1);
    if (at < 0) return text.length;
    let before = at - 1;
    while (text.charCodeAt(before) === backslash) before--;
    if ((at - before) % 2 === 1) return at + 1;
  }
}

/** The index after the value that starts at `from`. */
function skipValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === quote) return skipString(text, from);
  if (first !== openBrace && first !== openBracket) return skipScalar(text, from);
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = skipString(text, at) - 1;
    else if (code === openBrace || code === openBracket) depth++;
    else if ((code === closeBrace || code === closeBracket) && --depth === 0) return at + 1;
  }
  return text.length;
}

function skipScalar(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === comma || code === closeBrace || code === closeBracket || isSpace(code)) break;
    at++;
  }
  return at;
}

/** The members of the JSON object in `text`: each name (unescaped) with the text of its value, in the sender's order. */
export function membersOf(text: string): [name: string, valueText: string][] {
  const members: [string, string][] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text.charCodeAt(at) === quote) {
    const nameEnd = skipString(text, at);
    const rawName = text.slice(at + 1, nameEnd - 1);
    const name = rawName.includes('\\') ? String(JSON.parse(text.slice(at, nameEnd))) : rawName;
    at = skipSpace(text, nameEnd);
    if (text.charCodeAt(at) !== colon) break;
    const valueStart = skipSpace(text, at + 1);
    const valueEnd = skipValue(text, valueStart);
    members.push([name, text.slice(valueStart, valueEnd)]);
    at = skipSpace(text, valueEnd);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return members;
}

/** The texts of the elements of the JSON array in `text`. */
export function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text.charCodeAt(at) !== closeBracket) {
    const end = skipValue(text, at);
    elements.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return elements;
}

/** The text without the white space between its tokens. Strings and numbers stay as they are, letter by letter. */
export function withoutSpace(text: string): string {
  if (!/[ \n\r\t]/.test(text)) return text;
  let compact = '';
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) at = skipString(text, at);
    else if (isSpace(code)) {
      compact += text.slice(from, at);
      at = skipSpace(text, at);
      from = at;
    } else at++;
  }
  return compact + text.slice(from);
}

/** The text of the value at `path` in the JSON object in `text`; of names written twice the last counts, as in JSON.parse. */
export function textAt(text: string, path: readonly string[]): string | undefined {
  let found: string | undefined = text;
  for (const name of path) {
    if (found === undefined || found.charCodeAt(0) !== openBrace) return undefined;
    found = membersOf(found).findLast(([member]) => member === name)?.[1];
  }
  return found;
}

/** Whether objects and arrays lie in each other deeper than this in the text: `{"a":[]}` has two levels. */
export function isDeeperThan(levelsMax: number, text: string): boolean {
  if (text.length <= 2 * levelsMax) return false; // Each level takes two characters at least.
  let levels = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) at = skipString(text, at) - 1;
    else if (code === openBrace || code === openBracket) {
      levels++;
      if (levels > levelsMax) return true;
    } else if (code === closeBrace || code === closeBracket) levels--;
  }
  return false;
}
