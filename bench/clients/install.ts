import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { exists, run } from '../../dev/servers/install.ts';
import { longStep } from '../../dev/servers/progress.ts';

const installMsMax = 5 * 60_000;

/** Installs what this folder's package.json names, once. It is no package of Causeway's: whoever does not measure it need not have it. */
export async function installOther(): Promise<void> {
  const cwd = fileURLToPath(new URL('.', import.meta.url));
  if (await exists(join(cwd, 'node_modules', '@platformatic', 'kafka'))) return;
  const install = (): Promise<string> =>
    run('npm', ['install', '--no-save', '--ignore-scripts'], { cwd, timeoutMs: installMsMax });
  await longStep('Installing @platformatic/kafka into bench/clients', 'a few seconds, once', install);
}
