/** JSON with line breaks. Its values stay as they are written: parsed and written anew, 1.10 would be 1.1. */
export function indented(json: string): string {
  let depth = 0;
  let text = '';
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth += 1;
      text += `${token}\n${'  '.repeat(depth)}`;
    } else if (token === '}' || token === ']') {
      depth -= 1;
      const open = token === '}' ? '{' : '[';
      const trimmed = text.trimEnd();
      text = trimmed.endsWith(open) ? trimmed + token : `${trimmed}\n${'  '.repeat(depth)}${token}`;
    } else if (token === ',') text += `,\n${'  '.repeat(depth)}`;
    else text += token === ':' ? ': ' : token;
  }
  return text;
}
