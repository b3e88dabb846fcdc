/** Where what customers name may lead beside public addresses: the operator's own setting. */
import { type BlockList, isIP } from 'node:net';
import { addressOf, isIn, isPrivateHost, networksOf } from './address.ts';

/** Anywhere, to this machine too (`true`, for development); nowhere; or into these private networks. */
export type AllowPrivate = boolean | BlockList;

const openable = (
  [
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['172.16.0.0', 12],
    ['192.168.0.0', 16],
    ['fc00::', 7],
  ] as const
).map(([network, prefix]) => ({
  addresses: networksOf([[network, prefix]]),
  prefix,
  text: `${network}/${prefix}`,
}));

/** Metadata services of clouds that lie in networks which may be opened: they hand out credentials of ours. */
const neverOpen = networksOf([
  ['100.100.100.200', 32], // Alibaba Cloud.
  ['fd00:ec2::254', 128], // AWS.
  ['fd20:ce::254', 128], // Google Cloud.
]);

/** What a list of private networks must be; for an error message. */
export const privateNetworksExpected = `must be private networks, comma-separated, each within ${openable
  .map(({ text }) => text)
  .join(', ')}, for example 10.1.0.0/16; loopback and link-local addresses can't be opened`;

/** The networks of a list such as `10.0.0.0/8,192.168.4.0/24`; undefined where one can't be opened, or is none. */
export function privateNetworksIn(text: string): BlockList | undefined {
  const networks: [address: string, prefix: number][] = [];
  for (const entry of text.split(',')) {
    const [, address = '', prefixText] = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(entry.trim()) ?? [];
    const family = isIP(address);
    const prefix = Number(prefixText);
    if (family === 0 || prefix > (family === 6 ? 128 : 32)) return undefined;
    if (!openable.some((one) => isIn(one.addresses, address) && prefix >= one.prefix)) return undefined;
    networks.push([address, prefix]);
  }
  return networksOf(networks);
}

/** Whether nothing may lead to this host, as it is written. */
export function isRefusedHost(host: string, allowed: AllowPrivate): boolean {
  if (allowed === true || !isPrivateHost(host)) return false;
  const address = addressOf(host);
  return allowed === false || address === undefined || !isIn(allowed, address) || isIn(neverOpen, address);
}
