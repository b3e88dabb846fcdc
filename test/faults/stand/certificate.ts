import { join } from 'node:path';
import { run } from '../../../dev/servers/install.ts';

export type Certificate = { keystore: string; password: string; caCertificate: string };

/** A certificate for 127.0.0.1 that signs itself, in a key store as Kafka reads it; `keytool` comes with Java. */
export async function selfSignedCertificate(dir: string): Promise<Certificate> {
  const keystore = join(dir, 'broker.p12');
  const password = 'causeway';
  const store = ['-alias', 'broker', '-keystore', keystore, '-storetype', 'PKCS12', '-storepass', password];
  const names = ['-dname', 'CN=127.0.0.1', '-ext', 'SAN=ip:127.0.0.1'];
  await run('keytool', ['-genkeypair', ...store, ...names, '-keyalg', 'EC', '-groupname', 'secp256r1']);
  return { keystore, password, caCertificate: await run('keytool', ['-exportcert', '-rfc', ...store]) };
}
