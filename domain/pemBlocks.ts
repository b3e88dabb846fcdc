/** PEM (RFC 7468) that can be read in one way only: OpenSSL, which reads more than that, finds in it what is found here. */

export type PemBlock = {
  /** What follows BEGIN. */
  label: string;
  /** Without white space. */
  base64: string;
  /** How it is encrypted, where it is so as in RFC 1421: cipher and IV. */
  dekInfo?: string;
};

/** Else a character may end or begin something for one reader and not for the other. */
const isPlain = (text: string): boolean => /^[\t\r\n\x20-\x7e]*$/.test(text);
const boundary = /^-----(BEGIN|END) ([A-Z0-9 ]+)-----[ \t\r]*$/;
const wholeBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const keyLabels = /^(?:RSA|EC) PRIVATE KEY$/;
/** What openssl writes into such keys alone where it encrypts them, which costs one hash; elsewhere it would hide what it stands before. */
const encryptionHeader = /^(?:Proc-Type: 4,ENCRYPTED|DEK-Info: ([A-Z0-9-]{1,32},[0-9A-Fa-f]{1,64}))[ \t\r]*$/;

/** The blocks of the text; between them there may be lines that explain. Undefined where OpenSSL might read other blocks. */
export function pemBlocksIn(text: string): PemBlock[] | undefined {
  if (!isPlain(text)) return undefined;
  const blocks: PemBlock[] = [];
  let open: PemBlock | undefined;
  for (const line of text.split('\n')) {
    const [, side, label = ''] = boundary.exec(line) ?? [];
    if (open === undefined) {
      if (side === 'BEGIN') open = { label, base64: '' };
      else if (line.includes('-----BEGIN')) return undefined;
    } else if (side === 'END' && label === open.label && wholeBase64.test(open.base64)) {
      blocks.push(open);
      open = undefined;
    } else if (keyLabels.test(open.label) && open.base64 === '' && encryptionHeader.test(line)) {
      const [, dekInfo] = encryptionHeader.exec(line) ?? [];
      if (dekInfo !== undefined) open = { ...open, dekInfo };
    } else {
      if (!/^[A-Za-z0-9+/=\s]*$/.test(line)) return undefined;
      open = { ...open, base64: open.base64 + line.replace(/\s/g, '') };
    }
  }
  return open === undefined ? blocks : undefined;
}
