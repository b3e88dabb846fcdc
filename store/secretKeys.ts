import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { CausewayError } from '../domain/error.ts';
import {
  type KeyRingName,
  type KeySource,
  keyRingOf,
  keyVariablesOf,
  noPayloadKeys,
  type PayloadKeySource,
  type PayloadKeys,
  payloadKeysOf,
  payloadSourceProblem,
  type SecretKey,
  type SecretKeySource,
  sourceProblem,
} from '../domain/secretKeys.ts';

/** A command that asks a KMS may take this long, in ms. */
const commandMsMax = 30_000;
const outputBytesMax = 64 * 1024;

/**
 * Reads the key ring from where the environment says: the variable itself, a file, or what a command prints. Throws
 * `secret_keys_unreadable`, which names the variable and holds nothing of what was read.
 */
export async function readSecretKeys(
  source: SecretKeySource,
  options: ReadOptions = {},
): Promise<readonly SecretKey[]> {
  const code = 'secret_keys_unreadable';
  const wrong = sourceProblem(source);
  if (wrong !== undefined) throw new CausewayError(code, `${wrong}.`);
  const { text, what } = await textOf(source, 'CAUSEWAY_SECRET_KEYS', code, options);
  const found = keyRingOf(text);
  if ('problem' in found) throw new CausewayError(code, `${what} ${found.problem}.`);
  return found.ring;
}

/** The same for the keys of payloads; none where nothing is set. Throws `payload_keys_unreadable`. */
export async function readPayloadKeys(source: PayloadKeySource, options: ReadOptions = {}): Promise<PayloadKeys> {
  const code = 'payload_keys_unreadable';
  const wrong = payloadSourceProblem(source);
  if (wrong !== undefined) throw new CausewayError(code, `${wrong}.`);
  if (keyVariablesOf('CAUSEWAY_PAYLOAD_KEYS').every((name) => source[name] === undefined)) return noPayloadKeys;
  const { text, what } = await textOf(source, 'CAUSEWAY_PAYLOAD_KEYS', code, options);
  const found = payloadKeysOf(text);
  if ('problem' in found) throw new CausewayError(code, `${what} ${found.problem}.`);
  return found.keys;
}

type ReadOptions = { commandMs?: number };
type Unreadable = (remedy: string, options?: ErrorOptions) => CausewayError;

/** What is to hold the ring, and what it is called. */
async function textOf<Name extends KeyRingName>(
  source: KeySource<Name>,
  name: Name,
  code: string,
  { commandMs = commandMsMax }: ReadOptions,
): Promise<{ text: string; what: string }> {
  const [ofText, ofFile, ofCommand] = keyVariablesOf(name);
  const unreadable: Unreadable = (remedy, options) => new CausewayError(code, remedy, options);
  const { [ofText]: text, [ofFile]: file, [ofCommand]: command } = source;
  if (file !== undefined)
    return { text: await textOfFile(file, ofFile, unreadable), what: `The file in ${ofFile} (${file})` };
  if (command === undefined) return { text: text ?? '', what: ofText };
  return { text: await outputOf(command, ofCommand, commandMs, unreadable), what: `What ${ofCommand} prints` };
}

const textOfFile = (file: string, variable: string, unreadable: Unreadable): Promise<string> =>
  readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw unreadable(`The file in ${variable} (${file}) can't be read (${cause.code}). It holds id:key, one a line.`, {
      cause,
    });
  });

/** Its stderr goes to ours, for that is where it says why it failed; what it prints is shown nowhere. */
function outputOf(command: string, variable: string, commandMs: number, unreadable: Unreadable): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: commandMs, maxBuffer: outputBytesMax, encoding: 'utf8' } as const;
    const child = execFile('/bin/sh', ['-c', command], options, (error, stdout) => {
      if (!error) return resolve(stdout);
      // Not as its cause: Node's error carries the command, and may carry what it printed.
      const why = error.killed ? `did not end in ${commandMs / 1_000} s` : `failed (${error.code ?? error.signal})`;
      reject(unreadable(`${variable} ${why}. It prints id:key, one a line, and ends with 0.`));
    });
    child.stdin?.end();
    child.stderr?.pipe(process.stderr, { end: false });
  });
}
