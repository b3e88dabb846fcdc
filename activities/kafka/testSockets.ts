import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { hostPortOf } from '../../domain/address.ts';
import type { AllowPrivate } from '../../domain/privateNetworks.ts';
import { allowedOnly, checkAllowed } from './allowedAddress.ts';
import { certificateAlert, certificateRefused } from './clientCertificate.ts';
import { withOpenedKey } from './clientKey.ts';
import type { ConnectionSettings } from './connectionSettings.ts';
import { NamedError } from './failureNames.ts';

export type Address = { text: string; host: string; port: number; addresses: string[] };

/** Where the name leads. Rejects as Node's resolver does: ENOTFOUND, EAI_AGAIN; or with ADDRESS_REFUSED. */
export async function resolved(text: string, allowPrivate: AllowPrivate): Promise<Address> {
  const at = hostPortOf(text);
  if (!at) throw new NamedError({ name: 'ENOTFOUND', message: `${text} is no host:port.` });
  allowedOnly(at.host, allowPrivate);
  const found = isIP(at.host) === 0 ? await lookup(at.host, { all: true }) : [{ address: at.host }];
  const addresses = found.map(({ address }) => address);
  checkAllowed(at.host, addresses, allowPrivate);
  return { text, ...at, addresses };
}

/** A connection to it. The error is Node's. */
export function connected({ host, port }: Address, allowPrivate: AllowPrivate): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host, port, ...allowedOnly(host, allowPrivate) });
    socket.once('error', reject);
    socket.once('connect', () => {
      // What comes after a step belongs to nobody.
      socket.off('error', reject).on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** The handshake on that connection, as a delivery makes it. Resolves to the protocol and the server's name. */
export function secured(
  socket: Socket,
  { text, host }: Address,
  ssl: NonNullable<ConnectionSettings['ssl']>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    // Throws for a certificate or key of ours that OpenSSL can't use.
    const tls = connectTls({ ...withOpenedKey(ssl), socket, ...(isIP(host) === 0 ? { servername: host } : { host }) });
    tls.once('error', (error) => {
      const alert = certificateAlert(error);
      reject(alert === undefined ? error : certificateRefused(alert, text, ssl.cert !== undefined));
    });
    tls.once('close', () => {
      const message = 'The other side closed the connection in the middle of the TLS handshake.';
      reject(new NamedError({ name: 'ECONNRESET', message }));
    });
    tls.once('secureConnect', () => {
      resolve(tls.getProtocol() ?? 'TLS');
      tls.on('error', () => undefined);
    });
  });
}
