/** What customers name may lead anywhere: to services of our own, to a cloud's metadata. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { isPrivateHost } from '../../domain/address.ts';

export const addressRefused = 'ADDRESS_REFUSED';

const refused = (host: string, address: string): Error =>
  Object.assign(new Error(`${host} leads to ${address}, which is on this machine or a private network.`), {
    code: addressRefused,
  });

/**
 * What a connection to this host needs so that it leads to public addresses alone. Throws `ADDRESS_REFUSED`, as its `code`, where
 * that is plain from how the host is written.
 */
export function publicOnly(host: string): { lookup: LookupFunction } {
  if (isPrivateHost(host)) throw refused(host, host);
  return { lookup: publicLookup };
}

/** Throws `ADDRESS_REFUSED` where one of these addresses of the host is not public. */
export function checkPublic(host: string, addresses: readonly string[]): void {
  const found = addresses.find((address) => isPrivateHost(address.replace(/%.*$/, '')));
  if (found !== undefined) throw refused(host, found);
}

/** Node's own; and the connection goes to the very addresses that were looked at: the name may lead elsewhere the next time. */
const publicLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, []);
    try {
      checkPublic(
        host,
        found.map(({ address }) => address),
      );
    } catch (refusal) {
      return callback(refusal instanceof Error ? refusal : new Error(String(refusal)), []);
    }
    const [first] = found;
    if (options.all || !first) callback(null, found);
    else callback(null, first.address, first.family);
  });
};
