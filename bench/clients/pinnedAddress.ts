import { isIP } from 'node:net';
import { allowedOnly } from '../../activities/kafka/allowedAddress.ts';
import type { AllowPrivate } from '../../domain/privateNetworks.ts';

/** The address that a host leads to, looked at: the first one, for a client that can be told no look-up. Throws `ADDRESS_REFUSED`. */
export function addressOf(host: string, allowPrivate: AllowPrivate): Promise<string> {
  const { lookup } = allowedOnly(host, allowPrivate);
  if (!lookup || isIP(host) !== 0) return Promise.resolve(host);
  return new Promise((resolve, reject) => {
    lookup(host, {}, (error, address) => {
      if (error) reject(error);
      else resolve(typeof address === 'string' ? address : (address[0]?.address ?? host));
    });
  });
}
