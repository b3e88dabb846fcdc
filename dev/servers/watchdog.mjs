// Ends what its parent started, should the parent die without doing so (SIGKILL, a crash).
//
// The parent writes "+ <pid> <signal>" for each process group it starts and "- <pid>" when it has ended. When this stdin
// closes, for whatever reason, what is left is asked to stop with its signal, and killed after a while.
//
// With "lock <name>" it also holds a lock until it ends itself: until parent and groups are gone, however they went. It
// answers "held", or what the holder says: "running", or "ending" once the holder's parent is gone. The lock is a socket:
// the system frees it with the process, so none is ever stale.

import { rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const graceMs = 8_000;
/** @type {Map<number, NodeJS.Signals>} */
const groups = new Map();
let state = 'running';

/** @param {number} pid @param {NodeJS.Signals | 0} signal */
function send(pid, signal) {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false; // Gone already.
  }
}

/** @param {string} path @returns {Promise<boolean>} whether we listen there now */
function listens(path) {
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}); // Who asked may be gone before we answered.
      socket.end(state);
    });
    server.once('error', () => resolve(false));
    server.listen(path, () => resolve(true));
    server.unref();
  });
}

/** @param {string} path @returns {Promise<string | undefined>} what the holder says; undefined where nobody answers */
function heldBy(path) {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(path);
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on('data', (data) => {
      said += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(said || undefined));
  });
}

/** @param {string} name */
async function lock(name) {
  // Linux has socket names without a file, which end with their process; elsewhere a file may be left behind by a kill.
  const path = process.platform === 'linux' ? `\0${name}` : `/tmp/${name}.sock`;
  if (await listens(path)) return 'held';
  const holder = await heldBy(path);
  if (holder !== undefined) return holder;
  if (process.platform !== 'linux') rmSync(path, { force: true });
  return (await listens(path)) ? 'held' : 'ending'; // Gone between the two questions: ask again.
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {}); // Only stdin ends it.
process.stdout.on('error', () => {});

for await (const line of createInterface({ input: process.stdin })) {
  const [word, subject = '', signal] = line.split(' ');
  if (word === '+') groups.set(Number(subject), /** @type {NodeJS.Signals} */ (signal));
  else if (word === '-') groups.delete(Number(subject));
  else if (word === 'lock') process.stdout.write(`${await lock(subject)}\n`);
}

state = 'ending';
// The newest first: it stands on the older ones. The leader alone is asked, for it may have helpers that it wants to stop
// itself; what is left of its group then goes with it.
for (const [pid, signal] of [...groups].reverse()) {
  const deadline = Date.now() + graceMs;
  send(pid, signal);
  while (send(pid, 0) && Date.now() < deadline) await sleep(50);
  send(-pid, 'SIGKILL');
}
process.exit(0);
