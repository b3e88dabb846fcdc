/** Errors of a machine's network, had for real: in a process, and where needed in a network, of its own. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { ApplicationFailure } from '@temporalio/common';
import type { Try } from './produceActivity.ts';

/** Where a broker is looked for, in a network of our own: see `network`. */
export const addresses = { ETIMEDOUT: '10.9.0.2:9092', EHOSTUNREACH: '10.8.0.2:9092' } as const;
const provokedAlone = ['ETIMEDOUT', 'EHOSTUNREACH', 'EPIPE'] as const;
export type ProvokedAlone = (typeof provokedAlone)[number];
export const isProvokedAlone = (name: string): name is ProvokedAlone => provokedAlone.some((one) => one === name);

/** A try as JSON. */
export type AloneTry = Pick<Try, 'attempts' | 'progress'> & { thrownType: string | null | undefined };

/**
 * A namespace of Linux, which nothing else is in and which ends with its process. What is sent to the first address comes to nobody, and
 * the system gives up after two tries, 3 s, where a minute or two are usual; to the second no way leads.
 */
const network = [
  'ip link set lo up',
  'ip addr add 10.9.0.1/32 dev lo',
  'ip route add 10.9.0.2/32 dev lo',
  'echo 1 > /proc/sys/net/ipv4/tcp_syn_retries',
  'if [ -e /proc/sys/net/ipv4/tcp_syn_linear_timeouts ]; then echo 0 > /proc/sys/net/ipv4/tcp_syn_linear_timeouts; fi',
  'ip route add unreachable 10.8.0.2/32',
].join(' && ');
const inNetwork = (command: string): [string, string[]] => [
  'unshare',
  ['--map-root-user', '--net', 'sh', '-c', `${network} && ${command}`],
];

/** Whether this system lets us have a network of our own: Linux does, with iproute2, unless an administrator forbids it. */
export const canHaveNetwork = (): boolean => spawnSync(...inNetwork('true')).status === 0;

const main = fileURLToPath(new URL('./tryAloneMain.ts', import.meta.url));

/** For a machine that has much to do: the process loads all that a worker does, and two more do so beside it. */
const endsWithinMs = 90_000;

/** One try to produce one record in which the system gives this error; a minute and a half at the most. Rejects where the process fails. */
export async function tryAlone(name: ProvokedAlone): Promise<Try> {
  const given = ['--import', 'tsx', main, name];
  const [file, args] =
    name === 'EPIPE'
      ? [process.execPath, given]
      : inNetwork(`exec ${[process.execPath, ...given].map((one) => `'${one}'`).join(' ')}`);
  const { stdout } = await promisify(execFile)(file, args, { timeout: endsWithinMs });
  return tryOf(JSON.parse(stdout) as AloneTry); // Written by tryAloneMain.ts.
}

/** What came of a try in another process. */
export function tryOf({ thrownType, attempts, progress }: AloneTry): Try {
  const thrown = thrownType ? ApplicationFailure.retryable('thrown in another process', thrownType) : undefined;
  return { thrown, attempts, progress };
}
