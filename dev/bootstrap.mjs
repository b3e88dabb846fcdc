// The entry of `npm start`, `npm test`, `npm run test:faults` and `npm run bench`. Node's own modules alone: it must run
// before `npm install` did.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scripts = { start: 'dev/start.ts', test: 'dev/test.ts', faults: 'test/faults/main.ts', bench: 'bench/main.ts' };
const oldestNode = [20, 11];
const parentCheckMs = 500;

/** @param {string} line @returns {never} */
function giveUp(line) {
  console.error(line);
  process.exit(1);
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = oldestNode;
  if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) return;
  giveUp(`Causeway needs Node.js ${oldestNode.join('.')} or later; this is ${process.versions.node}.`);
}

/**
 * Installs where node_modules is not what package-lock.json says. A stamp in it tells which lock file it was made of.
 *
 * Not `npm ci`: the lock file may have been made where the registry lacks the binaries of other platforms, which `npm ci`
 * refuses; `npm install --no-save` takes the locked versions, finds this platform's binaries, and changes no file of the
 * clone. Without install scripts: none is needed, and newer npm versions hold them back anyway.
 */
async function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const stamp = join(root, 'node_modules', '.causeway-lock');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  console.error('Installing npm packages (about 20 seconds, once) …');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  // Whatever NODE_ENV says: what brings the servers up is among them.
  const args = ['install', '--include=dev', '--no-save', '--ignore-scripts', '--no-fund', '--no-audit'];
  // Its stdout goes to stderr: ours stays free for what was asked for.
  const { code, signal, error } = await ended(spawn(npm, args, { cwd: root, stdio: ['ignore', 2, 2] }));
  if (error) giveUp(`npm can't be run: ${error.message}`);
  if (signal) process.exit(128 + constants.signals[signal]);
  if (code !== 0) giveUp(`npm install failed with code ${code}; its message is above.`);
  writeFileSync(stamp, lock);
}

/** @param {string} script @param {string[]} args */
async function runScript(script, args) {
  // The channel closes when we die, even by SIGKILL: the script then stops in good order.
  const stdio = /** @type {const} */ (['inherit', 'inherit', 'inherit', 'ipc']);
  // Else gRPC clients would go even to servers of this machine through a proxy.
  const noProxy = [process.env.no_proxy ?? process.env.NO_PROXY, 'localhost', '127.0.0.1'].filter(Boolean).join(',');
  const env = { ...process.env, no_proxy: noProxy, NO_PROXY: noProxy };
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], { cwd: root, env, stdio: [...stdio] });
  const { code, signal, error } = await ended(child);
  if (error) giveUp(`${script} can't be started: ${error.message}`);
  process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1));
}

/** @typedef {{ code: number | null, signal: NodeJS.Signals | null, error?: Error }} End */

/**
 * Waits for a child, which gets the signals that we get.
 * @param {import('node:child_process').ChildProcess} child @returns {Promise<End>}
 */
function ended(child) {
  running = child;
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, error }));
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** @type {import('node:child_process').ChildProcess | undefined} */
let running;

function passSignalsOn() {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => running?.kill(signal));
  }
  // npm passes on SIGINT and SIGTERM, and can't pass on a SIGKILL: then we have another parent all at once.
  const npm = process.env.npm_lifecycle_event === undefined ? undefined : process.ppid;
  if (npm === undefined) return;
  const timer = setInterval(() => {
    if (process.ppid === npm) return;
    clearInterval(timer);
    running?.kill('SIGTERM');
  }, parentCheckMs);
}

const [command = '', ...args] = process.argv.slice(2);
const script = Object.hasOwn(scripts, command) ? scripts[/** @type {keyof typeof scripts} */ (command)] : undefined;
if (script === undefined) giveUp(`Usage: node dev/bootstrap.mjs ${Object.keys(scripts).join('|')} [arguments]`);
checkNode();
passSignalsOn();
await installPackages();
await runScript(script, args);
