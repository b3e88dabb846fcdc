// Ends what its parent started, should the parent die without doing so (SIGKILL, a crash).
//
// The parent writes "+ <pid> <signal>" for each process group it starts and "- <pid>" when it has ended. When this stdin
// closes, for whatever reason, what is left is asked to stop with its signal, and killed after a while.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const graceMs = 10_000;
/** @type {Map<number, NodeJS.Signals>} */
const groups = new Map();

/** @param {number} pid @param {NodeJS.Signals | 0} signal */
function send(pid, signal) {
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false; // Gone already.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {}); // Only stdin ends it.

for await (const line of createInterface({ input: process.stdin })) {
  const [sign, pid, signal] = line.split(' ');
  if (sign === '+') groups.set(Number(pid), /** @type {NodeJS.Signals} */ (signal));
  else groups.delete(Number(pid));
}

for (const [pid, signal] of groups) send(pid, signal);
const deadline = Date.now() + graceMs;
while ([...groups.keys()].some((pid) => send(pid, 0)) && Date.now() < deadline) await sleep(100);
for (const pid of groups.keys()) send(pid, 'SIGKILL');
