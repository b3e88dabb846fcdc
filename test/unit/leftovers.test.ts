import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { endLeftovers } from '../../dev/stack/leftovers.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'causeway-leftovers-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(dir, { recursive: true, force: true });
});

test.runIf(process.platform === 'linux')(
  'a server on our data is ended, another one is not, where there is no ps',
  async () => {
    const java = join(dir, 'java'); // A shell by the name of what is looked for.
    await symlink('/bin/sh', java);
    const [ours, other] = ['ours', 'other'].map((name) => {
      const child = spawn(java, ['-c', 'echo; while :; do sleep 0.1; done', join(dir, name)]);
      return { child, exited: once(child, 'exit'), up: once(child.stdout, 'data') };
    });
    if (!ours || !other) throw new Error('both were started');
    await Promise.all([ours.up, other.up]);
    vi.stubEnv('PATH', '');
    await endLeftovers({ java: join(dir, 'ours'), temporal: join(dir, 'none'), postgres: join(dir, 'none') });
    expect(await ours.exited).toEqual([null, 'SIGINT']);
    expect(other.child.exitCode ?? other.child.signalCode).toBe(null);
    other.child.kill('SIGKILL');
    await other.exited;
  },
);
