/** What customers name may lead anywhere: to services of our own, to a cloud's metadata. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { addressOf, isIn, networksOf } from '../../domain/address.ts';
import { type AllowPrivate, isRefusedHost } from '../../domain/privateNetworks.ts';

export const addressRefused = 'ADDRESS_REFUSED';

const refused = (host: string, address: string): Error =>
  Object.assign(
    new Error(`${host} leads to ${address}, which is on this machine or a private network that is not allowed.`),
    {
      code: addressRefused,
    },
  );

/**
 * What a connection to this host needs so that it leads to public addresses and allowed networks alone. Throws `ADDRESS_REFUSED`,
 * as its `code`, where it is plain from how the host is written that it does not.
 */
export function allowedOnly(host: string, allowed: AllowPrivate): { lookup?: LookupFunction } {
  if (allowed === true) return {};
  if (isRefused(host, allowed)) throw refused(host, host);
  return { lookup: allowedLookup(allowed) };
}

/** Throws `ADDRESS_REFUSED` where one of these addresses of the host is neither public nor allowed. */
export function checkAllowed(host: string, addresses: readonly string[], allowed: AllowPrivate): void {
  const found = addresses.find((address) => isRefused(address, allowed));
  if (found !== undefined) throw refused(host, found);
}

const isRefused = (host: string, allowed: AllowPrivate): boolean =>
  isRefusedHost(host, allowed) || isOwn(host, allowed);

/**
 * A machine may have a public address of its own, and services on it that a firewall keeps from all but the machine itself. Asked for
 * each connection, for addresses come and go.
 */
function isOwn(host: string, allowed: AllowPrivate): boolean {
  const address = addressOf(host);
  if (allowed === true || address === undefined) return false;
  if (allowed !== false && isIn(allowed, address)) return false;
  const own = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  return isIn(networksOf(own.map((one) => [one.address, one.family === 'IPv6' ? 128 : 32])), address);
}

/** Node's own; and the connection goes to the very addresses that were looked at: the name may lead elsewhere the next time. */
const allowedLookup =
  (allowed: AllowPrivate): LookupFunction =>
  (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, []);
      try {
        const addresses = found.map(({ address }) => address);
        checkAllowed(host, addresses, allowed);
      } catch (refusal) {
        return callback(refusal instanceof Error ? refusal : new Error(String(refusal)), []);
      }
      const [first] = found;
      if (options.all || !first) callback(null, found);
      else callback(null, first.address, first.family);
    });
  };
