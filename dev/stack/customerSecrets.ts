import { randomBytes } from 'node:crypto';
import { chmod, readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { newTokenKey } from '../servers/brokerSecurity.ts';
import { newAuthority, newCertificate } from '../servers/certificates.ts';

const certificate = z.object({ pem: z.string(), keyPem: z.string() });

const schema = z.object({
  /** Signed the certificates here; its key is not kept. */
  authorityPem: z.string(),
  /** Of the broker and of the token server. */
  server: certificate,
  /** Of the principals `User:CN=causeway` and `User:CN=admin`. */
  client: certificate,
  admin: certificate,
  tokenKey: z.looseObject({ kty: z.string(), kid: z.string() }),
  passwords: z.object({
    plain: z.string(),
    scram256: z.string(),
    scram512: z.string(),
    clientSecret: z.string(),
    passphrase: z.string(),
    admin: z.string(),
  }),
});

/** The keys, certificates and passwords of the Kafka that `npm start` brings up: made once, and kept. */
export type CustomerSecrets = z.output<typeof schema>;

/** They are to outlive the clone. */
const days = { from: -1, to: 3_650 };

function newCustomerSecrets(): CustomerSecrets {
  const authority = newAuthority('Causeway npm start', { days });
  const password = (): string => randomBytes(18).toString('base64url');
  return {
    authorityPem: authority.pem,
    server: newCertificate(authority, 'npm start', { hosts: ['127.0.0.1', 'localhost'], days }),
    client: newCertificate(authority, 'causeway', { days }),
    admin: newCertificate(authority, 'admin', { days }),
    tokenKey: schema.shape.tokenKey.parse(newTokenKey()),
    passwords: {
      ...{ plain: password(), scram256: password(), scram512: password() },
      ...{ clientSecret: password(), passphrase: password(), admin: password() },
    },
  };
}

/** Reads them; makes them, for their owner's eyes alone, where there are none that can be read. */
export async function customerSecrets(file: string): Promise<CustomerSecrets> {
  try {
    return schema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    const secrets = newCustomerSecrets();
    await writeFile(`${file}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
    await chmod(`${file}.new`, 0o600); // The mode above is for a new file alone.
    await rename(`${file}.new`, file);
    return secrets;
  }
}
