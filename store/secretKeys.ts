import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { CausewayError } from '../domain/error.ts';
import { keyRingOf, type SecretKey, type SecretKeySource, sourceProblem } from '../domain/secretKeys.ts';

/** A command that asks a KMS may take this long, in ms. */
const commandMsMax = 30_000;
const outputBytesMax = 64 * 1024;

/**
 * Reads the key ring from where the environment says: the variable itself, a file, or what a command prints. Throws
 * `secret_keys_unreadable`, which names the variable and holds nothing of what was read.
 */
export async function readSecretKeys(
  source: SecretKeySource,
  { commandMs = commandMsMax } = {},
): Promise<readonly SecretKey[]> {
  const wrong = sourceProblem(source);
  if (wrong !== undefined) throw unreadable(`${wrong}.`);
  const { CAUSEWAY_SECRET_KEYS_FILE: file, CAUSEWAY_SECRET_KEYS_COMMAND: command } = source;
  if (file !== undefined) return ringIn(await textOfFile(file), `The file in CAUSEWAY_SECRET_KEYS_FILE (${file})`);
  if (command !== undefined)
    return ringIn(await outputOf(command, commandMs), 'What CAUSEWAY_SECRET_KEYS_COMMAND prints');
  return ringIn(source.CAUSEWAY_SECRET_KEYS ?? '', 'CAUSEWAY_SECRET_KEYS');
}

function ringIn(text: string, what: string): readonly SecretKey[] {
  const found = keyRingOf(text);
  if ('problem' in found) throw unreadable(`${what} ${found.problem}.`);
  return found.ring;
}

const textOfFile = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const remedy = `The file in CAUSEWAY_SECRET_KEYS_FILE (${file}) can't be read (${cause.code}). It holds id:key, one a line.`;
    throw unreadable(remedy, { cause });
  });

/** Its stderr goes to ours, for that is where it says why it failed; what it prints is shown nowhere. */
function outputOf(command: string, commandMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: commandMs, maxBuffer: outputBytesMax, encoding: 'utf8' } as const;
    const child = execFile('/bin/sh', ['-c', command], options, (error, stdout) => {
      if (!error) return resolve(stdout);
      // Not as its cause: Node's error carries the command, and may carry what it printed.
      const why = error.killed ? `did not end in ${commandMs / 1_000} s` : `failed (${error.code ?? error.signal})`;
      reject(unreadable(`CAUSEWAY_SECRET_KEYS_COMMAND ${why}. It prints id:key, one a line, and ends with 0.`));
    });
    child.stdin?.end();
    child.stderr?.pipe(process.stderr, { end: false });
  });
}

const unreadable = (remedy: string, options?: ErrorOptions): CausewayError =>
  new CausewayError('secret_keys_unreadable', remedy, options);
