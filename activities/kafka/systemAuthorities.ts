/** Whom TLS connections trust whose destination names no authority: the system's own, as OpenSSL finds them. */
import { readdirSync, statSync } from 'node:fs';
import { delimiter } from 'node:path';

/** Without it Node.js trusts the authorities that were built into it, whatever the system says. */
const flag = '--use-openssl-ca';
/** Where the OpenSSL of Node.js's own builds looks; that of a distribution's build has places of its own. */
const ownFolder = process.platform === 'darwin' ? '/System/Library/OpenSSL' : '/etc/ssl';
const ownPlaces = [`${ownFolder}/cert.pem`, `${ownFolder}/certs`];

type Started = {
  execArgv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Whether this Node.js has the OpenSSL of its system. */
  isShared: boolean;
};

/** Whether something is there: a file that is not empty, or a folder that has files. */
function isFilled(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() ? readdirSync(path).length > 0 : (found?.size ?? 0) > 0;
}

const thisProcess = (): Started => ({
  execArgv: process.execArgv,
  env: process.env,
  isShared: process.config.variables.node_shared_openssl === true,
});

/**
 * Why this process does not trust the system's authorities, and what mends it; undefined where it does. OpenSSL says nothing of a file or
 * folder that is not there: every broker would be untrusted, and nobody would know why.
 */
export function systemDistrust({ execArgv, env, isShared }: Started = thisProcess()): string | undefined {
  if (![...execArgv, ...(env.NODE_OPTIONS ?? '').split(/\s+/)].includes(flag)) {
    return `Node.js was started without ${flag}: it trusts the authorities that it brings, not those of the system.`;
  }
  const named = { SSL_CERT_FILE: env.SSL_CERT_FILE, SSL_CERT_DIR: env.SSL_CERT_DIR };
  for (const [name, value] of Object.entries(named)) {
    const missing = value?.split(name === 'SSL_CERT_DIR' ? delimiter : '\n').find((path) => !isFilled(path));
    if (missing !== undefined)
      return `${name} names ${missing}, where nothing is: set it to where the authorities are.`;
  }
  const isNamed = Object.values(named).some((value) => value !== undefined);
  if (isNamed || isShared || ownPlaces.some((path) => isFilled(path))) return undefined;
  return `The system has no authorities at ${ownPlaces.join(' or ')}: install ca-certificates, or set SSL_CERT_FILE to a file with them (PEM).`;
}
