import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type KafkaServer, type Listener, startOwnKafka } from '../../../dev/servers/kafka.ts';
import { freePort } from '../../../dev/servers/ports.ts';
import { type HarmfulProxy, startToxiproxy } from '../../../dev/servers/toxiproxy.ts';
import { selfSignedCertificate } from './certificate.ts';

/** A broker with three ways in: a plain one, one through a proxy that does harm, and one with TLS, SASL and ACLs. */
export type FaultBroker = KafkaServer & {
  proxied: { brokers: string[]; proxy: HarmfulProxy };
  secured: { brokers: string[]; principal: string; auth: Record<string, unknown> };
};

const username = 'causeway';
const password = 'a-secret-of-the-fault-run';

/** Who comes in by the other ways may do everything: the brokers themselves, and the run, which makes topics and ACLs. */
const authorizer = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
};

export async function startFaultBroker(dir: string, keep: (stop: () => Promise<void>) => void): Promise<FaultBroker> {
  const dataDir = join(dir, 'kafka');
  const logDir = join(dir, 'logs');
  await mkdir(dataDir, { recursive: true });
  const certificate = await selfSignedCertificate(dataDir);
  const [proxiedPort, proxyPort, securedPort] = [await freePort(), await freePort(), await freePort()];
  const listeners: Listener[] = [
    { name: 'PROXIED', protocol: 'PLAINTEXT', port: proxiedPort, advertisedPort: proxyPort },
    { name: 'SECURED', protocol: 'SASL_SSL', port: securedPort },
  ];
  const secured = {
    'ssl.keystore.location': certificate.keystore,
    'ssl.keystore.password': certificate.password,
    'ssl.keystore.type': 'PKCS12',
    'sasl.enabled.mechanisms': 'PLAIN',
    'plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";`,
  };
  const properties = {
    ...authorizer,
    ...Object.fromEntries(Object.entries(secured).map(([name, value]) => [`listener.name.secured.${name}`, value])),
  };
  const toxiproxy = await startToxiproxy({ logDir });
  keep(() => toxiproxy.stop());
  const proxy = await toxiproxy.open('broker', proxyPort, proxiedPort);
  const broker = await startOwnKafka({ dataDir, logDir, properties, listeners });
  keep(() => broker.stop());
  const { caCertificate } = certificate;
  return Object.assign(broker, {
    proxied: { brokers: [`127.0.0.1:${proxyPort}`], proxy },
    secured: {
      brokers: [`127.0.0.1:${securedPort}`],
      principal: `User:${username}`,
      auth: { mode: 'SASL_PLAIN', username, password, tls: true, caCertificate },
    },
  });
}
