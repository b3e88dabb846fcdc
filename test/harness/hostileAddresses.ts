/** Addresses as a customer would name them who wants us to connect to what is ours: loopback, private networks, metadata services. */

/** To whom a connection is made where nothing is refused: to our listeners, or to nobody here. */
type Reaches = 'ipv4' | 'ipv6' | 'nobody';

export type HostVector = {
  host: string;
  /** … where nothing refuses it. A name that no resolver takes, and an address that no machine here has, reach nobody. */
  reaches: Reaches;
  /** Whether the API refuses it as it is written; where not, the connection is. */
  isRefusedAsWritten: boolean;
};

const written = (reaches: Reaches, ...hosts: string[]): HostVector[] =>
  hosts.map((host) => ({ host, reaches, isRefusedAsWritten: true }));

/** Each as a broker, a token endpoint, and what a broker advertises. */
export const hosts: readonly HostVector[] = [
  // Loopback by name.
  ...written('ipv4', 'localhost', 'LOCALHOST'),
  ...written('nobody', 'localhost.', 'kafka.localhost', 'a.b.LocalHost.'),
  // Loopback in every way in which a resolver takes an address: decimal, octal, hexadecimal, short.
  ...written('ipv4', '127.0.0.1', '127.0.0.2', '127.255.255.254', '127.1', '127.0.1', '2130706433', '017700000001'),
  ...written('ipv4', '0x7f000001', '0X7F000001', '0177.0.0.1', '0x7f.0.0.1', '0x7f.1', '127.0.0.01', '0177.0x0.0.1'),
  ...written('nobody', '127.0.0.1.'),
  // "This host" is loopback, too.
  ...written('ipv4', '0.0.0.0', '0', '0x0', '00'),
  // IPv6's loopback, in every way in which it is written, and with a zone.
  ...written('ipv6', '::1', '0:0:0:0:0:0:0:1', '::0001', '0000:0000:0000:0000:0000:0000:0000:0001', '::'),
  ...written('ipv6', '::1%lo', '::%1'),
  // IPv4 inside IPv6: mapped, compatible, translated, NAT64, 6to4, Teredo.
  ...written('ipv4', '::ffff:127.0.0.1', '::ffff:7f00:1', '0:0:0:0:0:FFFF:7F00:0001', '::ffff:127.0.0.1%lo'),
  ...written(
    'nobody',
    '::127.0.0.1',
    '::ffff:0:127.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::7f00:1%lo',
    '64:ff9b:1::7f00:1',
  ),
  ...written('nobody', '2002:7f00:1::', '2002:a9fe:a9fe::1', '2001:0:7f00:1::1'),
  // Private networks, between carriers, link-local.
  ...written('nobody', '10.0.0.1', '10.1', '167772161', '172.16.0.1', '172.31.255.254', '192.168.1.1', '0xc0a80101'),
  ...written('nobody', '100.64.0.1', '169.254.1.1', '198.18.0.1', '192.0.0.8', '::ffff:10.0.0.1', '64:ff9b::10.0.0.1'),
  ...written('nobody', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'fe80::1%eth0', 'fec0::1', 'fd00::1%eth0'),
  // Metadata services: AWS, Google, Azure, Alibaba, Oracle.
  ...written('nobody', '169.254.169.254', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '169.254.43518'),
  ...written('nobody', '::ffff:169.254.169.254', '64:ff9b::a9fe:a9fe', 'fd00:ec2::254', 'fd20:ce::254'),
  ...written('nobody', '168.63.129.16', '100.100.100.200', '192.0.0.192', '169.254.170.2'),
  // Multicast, broadcast, reserved.
  ...written('nobody', '224.0.0.1', '255.255.255.255', '240.0.0.1', 'ff02::1', '4294967295'),
];

/** Names by which a resolver leads to us; each answer of a list is that of one look-up, the last one stays. */
export const names: Record<string, string[][]> = {
  'loopback.test': [['127.0.0.1']],
  'loopback6.test': [['::1']],
  'mapped.test': [['::ffff:127.0.0.1']],
  'zone.test': [['::1%lo']],
  'private-second.test': [['203.0.113.1', '127.0.0.1']],
  'private-first.test': [['127.0.0.1', '203.0.113.1']],
  'public4-private6.test': [['203.0.113.1', '::1']],
  'metadata.test': [['169.254.169.254']],
  'this-host.test': [['0.0.0.0']],
  'nat64.test': [['64:ff9b::7f00:1']],
  // Another address the second time: after the check, before the connection.
  'rebound.test': [['203.0.113.1'], ['127.0.0.1']],
  'rebound6.test': [['2001:db8::1'], ['::1']],
  'rebound-later.test': [['203.0.113.1'], ['203.0.113.1'], ['127.0.0.1']],
  'rebound-back.test': [['127.0.0.1'], ['203.0.113.1']],
};

/** Texts that are no host and port at all, or a host in a dress: refused before anything is looked up. */
export const noBrokers = (port: number): string[] => [
  ...['http', 'https', 'file', 'gopher', 'ftp', 'dict', 'kafka', 'SASL_SSL'].map(
    (scheme) => `${scheme}://127.0.0.1:${port}`,
  ),
  ...[`//127.0.0.1:${port}`, `user@127.0.0.1:${port}`, `user:pass@127.0.0.1:${port}`, `example.com@127.0.0.1:${port}`],
  ...[`127.0.0.1:${port}/path`, `127.0.0.1:${port}?x`, `127.0.0.1:${port}#x`, `127.0.0.1:${port},127.0.0.1:${port}`],
  ...[
    ` 127.0.0.1:${port}`,
    `127.0.0.1:${port} `,
    `127.0.0.1\t:${port}`,
    `127.0.0.1\0:${port}`,
    `127.0.0.1\r\n:${port}`,
  ],
  ...[
    `::1:${port}`,
    `[::1%lo]:${port}`,
    `[::1`,
    `[127.0.0.1]:${port}`,
    `[::ffff:127.0.0.1%25lo]:${port}`,
    `[v1.x]:${port}`,
  ],
  ...[`127。0。0。1:${port}`, `127．0．0．1:${port}`, `１２７.0.0.1:${port}`, `①②⑦.⓪.⓪.①:${port}`, `ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:${port}`],
  ...[
    `loc\u00adalhost:${port}`,
    `localhost\u200b:${port}`,
    `١٢٧.٠.٠.١:${port}`,
    `127.0.0.1:${port}0000`,
    `127.0.0.1:0x${port.toString(16)}`,
  ],
  ...[
    `127%2e0%2e0%2e1:${port}`,
    `127.0.0.1..:${port}`,
    `.127.0.0.1:${port}`,
    `\\\\127.0.0.1:${port}`,
    `unix:/var/run/docker.sock`,
  ],
];

/** The same for token endpoints; a URL's parser makes an address of many of them. */
export const noTokenEndpoints = (port: number): string[] => [
  ...['http', 'file', 'ftp', 'gopher', 'ws', 'wss', 'data', 'javascript', 'unix'].map(
    (scheme) => `${scheme}://127.0.0.1:${port}/token`,
  ),
  ...['http', 'ftp', 'ldap'].map((scheme) => `${scheme}://example.com:${port}/token`),
  ...[
    `https://user@127.0.0.1:${port}/`,
    `https://example.com@127.0.0.1:${port}/`,
    `https://example.com#@127.0.0.1:${port}/`,
  ],
  ...[
    `https://127.0.0.1:${port}/token`,
    `HTTPS://127.0.0.1:${port}`,
    `https:127.0.0.1:${port}`,
    `https:/127.0.0.1:${port}`,
  ],
  ...[
    `https:\\\\127.0.0.1:${port}\\token`,
    `https:///127.0.0.1:${port}`,
    `https://127。0。0。1:${port}`,
    `https://１２７.0.0.1:${port}`,
  ],
  ...[
    `https://①②⑦.⓪.⓪.①:${port}`,
    `https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:${port}`,
    `https://loc\u00adalhost:${port}`,
    `https://127%2e0%2e0%2e1:${port}`,
  ],
  ...[
    `https://%31%32%37.0.0.1:${port}`,
    `https://[::1]:${port}`,
    `https://[::ffff:127.0.0.1]:${port}`,
    `https://[::ffff:7f00:1]:${port}`,
  ],
  ...[
    `https://[64:ff9b::7f00:1]:${port}`,
    `https://[::1%25lo]:${port}`,
    `https://0x7f.1:${port}`,
    `https://2130706433:${port}`,
  ],
  ...[
    `https://0:${port}`,
    `https://127.1.:${port}`,
    `https://169.254.169.254/latest/meta-data`,
    `https://[fd00:ec2::254]/`,
    '//127.0.0.1/',
    'token',
  ],
];
