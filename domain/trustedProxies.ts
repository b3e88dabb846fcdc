/** Which proxies stand before the API, and so who is behind them. */
import { type BlockList, isIP } from 'node:net';
import { isIn, networksOf } from './address.ts';

export const trustedProxiesExpected =
  'must be addresses or networks of your own proxies, comma-separated, for example 10.0.0.5,10.1.0.0/16';

/** The addresses of a list such as `10.0.0.5,10.1.0.0/16`; undefined where one is none, or is every address. */
export function trustedProxiesIn(text: string): BlockList | undefined {
  const networks: [address: string, prefix: number][] = [];
  for (const entry of text.split(',')) {
    const [, address = '', given] = /^([0-9a-fA-F:.]+)(?:\/(\d{1,3}))?$/.exec(entry.trim()) ?? [];
    const whole = isIP(address) === 6 ? 128 : 32;
    const prefix = given === undefined ? whole : Number(given);
    if (isIP(address) === 0 || prefix < 1 || prefix > whole) return undefined;
    networks.push([address, prefix]);
  }
  return networksOf(networks);
}

/**
 * Who asks: the peer of the connection, or where that is a proxy of ours, whom it names last in `X-Forwarded-For`, and so on. What stands further
 * left may be the asker's own invention.
 */
export function askerBehind(peer: string, forwardedFor: string | undefined, proxies: BlockList): string {
  const named = (forwardedFor ?? '').split(',').map((one) => one.trim());
  let asker = peer;
  while (isIP(asker) !== 0 && isIn(proxies, asker)) {
    const before = named.pop() ?? '';
    if (isIP(before) === 0) return asker;
    asker = before;
  }
  return asker;
}
