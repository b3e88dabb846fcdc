import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, onPath, run, saidVersion, type WantedVersion } from './install.ts';
import { longStep } from './progress.ts';

/** With all that it depends on, each pinned: another day's release must not fail the tests, nor pass them. */
const requirements = fileURLToPath(new URL('./schemathesis.requirements.txt', import.meta.url));
const folder = 'schemathesis-4.32.5';
const installMsMax = 10 * 60_000;

const version: WantedVersion = { args: ['--version'], pattern: /^Python 3\.(\d+)/m, oldest: 10 };

/** How schemathesis is called: a command, and the arguments that come before its own. */
export type Schemathesis = { command: string; args: readonly string[] };

/** Installs schemathesis, which fuzzes an API from its OpenAPI description, from PyPI. Throws where there is no Python that will do. */
export async function schemathesis(): Promise<Schemathesis> {
  const dir = await installed(folder, async (partial) => {
    const python = await usablePython();
    await longStep('Getting schemathesis from PyPI', 'about a minute, once', async () => {
      await run(python, ['-m', 'venv', partial], { withStderr: true, timeoutMs: installMsMax }).catch(
        (cause: unknown) => {
          throw new Error(missing('Python has no venv'), { cause });
        },
      );
      const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
      await run(pythonIn(partial), pip, { timeoutMs: installMsMax });
    });
  });
  // The scripts in bin/ name the folder in which they were made, which was renamed: the module does not.
  return { command: pythonIn(dir), args: ['-m', 'schemathesis.cli'] };
}

const pythonIn = (dir: string): string => join(dir, 'bin', 'python');

async function usablePython(): Promise<string> {
  const python = await onPath('python3');
  if (!python) throw new Error(missing('there is no python3 on PATH'));
  const { said, isEnough } = await saidVersion(python, version);
  if (!isEnough) throw new Error(missing(`${said.trim() || python} is too old`));
  return python;
}

const missing = (why: string): string =>
  `The API is fuzzed with schemathesis, which needs Python 3.${version.oldest} or later with venv, and ${why}: install it (Debian 12 or later: apt-get install python3-venv), then try again.`;
