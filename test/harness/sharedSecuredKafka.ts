import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import { type SecuredKafka, secured } from './securedListeners.ts';
import { ownKafka } from './servers.ts';
import { sharedServers } from './sharedServers.ts';

/** The one that all tests share; where `KAFKA_BROKERS` names another broker, one of the test's own. `remove()` when done. */
export async function securedKafka(): Promise<{ kafka: SecuredKafka; remove(): Promise<void> }> {
  const { dir, kafka: shared } = sharedServers();
  if (shared.secured) return { kafka: shared.secured, remove: async () => {} };
  const { options, of } = await secured(join(dir, `certificates-${randomBytes(6).toString('hex')}`));
  const { properties, ...more } = options;
  const broker = await ownKafka(properties, more);
  return { kafka: of(broker.brokers[0] ?? ''), remove: () => broker.remove() };
}

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** Grants a right on a topic to a principal, or takes it away. WRITE is all that a customer ever needs to grant us. */
export async function writeAcl(
  { plain }: SecuredKafka,
  topic: string,
  principal: string,
  isGranted: boolean,
  operation: 'WRITE' | 'DESCRIBE' = 'WRITE',
): Promise<void> {
  const admin = kafkaClient([plain], 'causeway-test').admin();
  await admin.connect();
  const rule = {
    resourceType: AclResourceTypes.TOPIC,
    resourceName: topic,
    resourcePatternType: ResourcePatternTypes.LITERAL,
    operation: AclOperationTypes[operation],
    permissionType: AclPermissionTypes.ALLOW,
  };
  try {
    if (isGranted) await admin.createAcls({ acl: [{ ...rule, principal, host: '*' }] });
    else await admin.deleteAcls({ filters: [{ ...rule, principal }] });
  } finally {
    await admin.disconnect();
  }
}

/** The `auth` of a destination for each way in. */
export const authOf = (kafka: SecuredKafka) => {
  const { caCertificate, username, password, client } = kafka;
  const mutual = { mode: 'MTLS' as const, clientCertificate: client.pem, clientKey: client.keyPem, caCertificate };
  return {
    plain: { mode: 'SASL_PLAIN', username, password, caCertificate },
    scram256: { mode: 'SASL_SCRAM_SHA_256', username, password, caCertificate },
    scram512: { mode: 'SASL_SCRAM_SHA_512', username, password, caCertificate },
    mutual,
  } as const;
};
