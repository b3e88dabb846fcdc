import { BlockList, isIP } from 'node:net';

/** `host:port`: a DNS name, an IPv4 address, or an IPv6 address in brackets. Undefined where the text is none. */
export function hostPortOf(text: string): { host: string; port: number } | undefined {
  const [, bracketed, name, portText] = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/@[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(portText);
  const host = bracketed ?? name;
  if (host === undefined || port < 1 || port > 65_535) return undefined;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? { host, port } : undefined;
  return isIP(host) === 4 || isDnsName(host) ? { host, port } : undefined;
}

/** Underscores are no part of host names, but there are networks that have them. */
const isDnsName = (host: string): boolean =>
  host.length <= 253 &&
  /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/.test(host);

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/** The networks that these addresses and lengths of their prefixes in bits name. */
export function networksOf(subnets: readonly (readonly [address: string, prefix: number])[]): BlockList {
  const networks = new BlockList();
  for (const [address, prefix] of subnets) networks.addSubnet(address, prefix, familyOf(address));
  return networks;
}

const notPublic = networksOf([
  ['0.0.0.0', 8], // This host (RFC 1122).
  ['10.0.0.0', 8], // Private (RFC 1918).
  ['100.64.0.0', 10], // Between carriers (RFC 6598).
  ['127.0.0.0', 8], // Loopback.
  ['168.63.129.16', 32], // Azure's host.
  ['169.254.0.0', 16], // Link-local, and the clouds' metadata services.
  ['172.16.0.0', 12],
  ['192.0.0.0', 24], // Protocol assignments (RFC 6890).
  ['192.88.99.0', 24], // 6to4's relays, as they once were (RFC 7526).
  ['192.168.0.0', 16],
  ['198.18.0.0', 15], // Benchmarks (RFC 2544).
  ['224.0.0.0', 3], // Multicast, reserved, broadcast.
  ['::', 96], // Unspecified, loopback, and IPv4 in the old embedding.
  ['::ffff:0:0:0', 96], // IPv4, translated (RFC 7915).
  ['64:ff9b:1::', 48], // NAT64 inside a network (RFC 8215).
  ['100::', 64], // Discarded (RFC 6666).
  ['2001::', 23], // Protocol assignments (RFC 2928): Teredo has an IPv4 address inside.
  ['2002::', 16], // 6to4, the same.
  ['5f00::', 16], // Segment routing (RFC 9602).
  ['fc00::', 7], // Unique local (RFC 4193).
  ['fe80::', 10], // Link-local.
  ['fec0::', 10], // Site-local, as it once was (RFC 3879).
  ['ff00::', 8], // Multicast.
]);

/**
 * Whether a host, as it is written, is on this machine or a private network. A name that resolves to such an address is not
 * seen here: activities/kafka/allowedAddress.ts looks at that when a connection is made.
 */
export function isPrivateHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  const address = addressOf(name);
  return address !== undefined && isIn(notPublic, address);
}

/** The address as which a host is written, in whatever way, without its zone (`fe80::1%eth0`); undefined where it is a name. */
export function addressOf(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, '').replace(/%.*$/, '');
  if (isIP(name) === 6) return behindNat64(name) ?? name;
  return isIP(name) === 4 ? name : numericHost(name);
}

/** An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the same one. */
export const isIn = (networks: BlockList, address: string): boolean => networks.check(address, familyOf(address));

/** The host of a URL, an IPv6 address without its brackets. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

const nat64 = networksOf([['64:ff9b::', 96]]);

/** The IPv4 address to which one of NAT64's (RFC 6052) leads, as a network without IPv4 has it for every IPv4 host. */
function behindNat64(address: string): string | undefined {
  if (!nat64.check(address, 'ipv6')) return undefined;
  const { hostname } = new URL(`http://[${address}]`); // Two groups at most after the zeros.
  const groups = hostname.slice('[64:ff9b::'.length, -1).split(':');
  const bits = groups.reduce((sum, group) => sum * 0x1_00_00 + Number.parseInt(group || '0', 16), 0);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}

/** `127.1`, `0x7f000001` and `2130706433` are IPv4 addresses to a resolver. */
function numericHost(name: string): string | undefined {
  if (!/(^|\.)(\d+|0x[0-9a-f]*)$/.test(name)) return undefined;
  try {
    const { hostname } = new URL(`http://${name}`);
    return isIP(hostname) === 4 ? hostname : undefined;
  } catch {
    return undefined;
  }
}
