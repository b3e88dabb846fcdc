/** How a worker may come in at the brokers of the fault run, and what they are started with for it. */
import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  authorizer,
  type Lines,
  ofListener,
  scramUsers,
  withCertificate,
  withClientCertificates,
  withSasl,
} from '../../../dev/servers/brokerSecurity.ts';
import { newAuthority, newCertificate } from '../../../dev/servers/certificates.ts';
import type { KafkaOptions, Listener } from '../../../dev/servers/kafka.ts';
import { type FaultAuth, faultAuths } from '../fault.ts';

export type WayIn = {
  protocol: Listener['protocol'];
  /** What the listener needs in server.properties, without the prefix that names it. */
  lines: Lines;
  /** `auth` of a destination. */
  auth: Record<string, unknown>;
  /** Whom the broker takes us for; undefined where it does not ask, and we may do everything. */
  principal: string | undefined;
};

export type WaysIn = Readonly<Record<FaultAuth, WayIn>> & {
  /** For the format tool: a user with a SCRAM password is there from the beginning. */
  formatArgs: readonly string[];
};

/** What a destination comes in with. */
export type Access = Pick<WayIn, 'auth' | 'principal'> & { brokers: string[] };

/** A listener of a broker, and whom it lets in. */
export type OpenedWay = Pick<Listener, 'name' | 'port' | 'advertisedPort'> & { by: FaultAuth };

const name = 'causeway';

/** New keys, certificates and a new password; what brokers read of them lies in `dir`. */
export async function newWaysIn(dir: string): Promise<WaysIn> {
  const authority = newAuthority();
  const broker = newCertificate(authority, 'broker', { hosts: ['127.0.0.1'] });
  const client = newCertificate(authority, name);
  const password = randomBytes(12).toString('base64url');
  const files = { broker: join(dir, 'broker.pem'), trusted: join(dir, 'trusted.pem') };
  await mkdir(dir, { recursive: true });
  await writeFile(files.broker, broker.keyPem + broker.pem);
  await writeFile(files.trusted, authority.pem);
  const tls = withCertificate(files.broker);
  const caCertificate = authority.pem;
  return {
    none: { protocol: 'PLAINTEXT', lines: {}, auth: { mode: 'NONE' }, principal: undefined },
    scram: {
      protocol: 'SASL_SSL',
      lines: {
        ...tls,
        ...withSasl({ scram: ['SCRAM-SHA-512'] }),
        // A session ends, and is renewed, again and again.
        'scram-sha-512.connections.max.reauth.ms': '10000',
      },
      auth: { mode: 'SASL_SCRAM_SHA_512', username: name, password, caCertificate },
      principal: `User:${name}`,
    },
    mtls: {
      protocol: 'SSL',
      lines: { ...tls, ...withClientCertificates(files.trusted) },
      auth: { mode: 'MTLS', clientCertificate: client.pem, clientKey: client.keyPem, caCertificate },
      principal: `User:CN=${name}`,
    },
    formatArgs: scramUsers('SCRAM-SHA-512', [{ username: name, password }]),
  };
}

/** What a broker with these listeners, beside its plain one, is started with. */
export function brokerWith(
  ways: WaysIn,
  opened: readonly OpenedWay[],
): Pick<KafkaOptions, 'listeners' | 'properties' | 'formatArgs'> {
  const linesOf = ({ name: listener, by }: OpenedWay) => Object.entries(ofListener(listener, ways[by].lines));
  return {
    listeners: opened.map(({ by, ...listener }) => ({ ...listener, protocol: ways[by].protocol })),
    properties: { ...authorizer(), ...Object.fromEntries(opened.flatMap(linesOf)) },
    formatArgs: ways.formatArgs,
  };
}

/** What a destination needs that comes in so, at these brokers. */
export const accessBy = (ways: WaysIn, by: FaultAuth, brokers: string[]): Access => {
  const { auth, principal } = ways[by];
  return { auth, principal, brokers };
};

/** One of these for each way to authenticate. */
export async function forEachAuth<T>(make: (by: FaultAuth) => Promise<T>): Promise<Record<FaultAuth, T>> {
  const made: [FaultAuth, T][] = [];
  for (const by of faultAuths) made.push([by, await make(by)]);
  return Object.fromEntries(made) as Record<FaultAuth, T>; // Object.fromEntries forgets which keys there are.
}
