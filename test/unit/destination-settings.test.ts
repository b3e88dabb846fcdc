import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { changeOf, newDestinationOf, shownDestination } from '../../api/destinationSettings.ts';
import { fieldProblemsOf } from '../../api/fieldProblems.ts';
import { FieldsRefused } from '../../api/problem.ts';
import { destinationChangeSchema, exampleDestination, newDestinationSchema } from '../../api/schemas/destination.ts';
import { type AllowPrivate, privateNetworksIn } from '../../domain/privateNetworks.ts';
import type { StoredDestination } from '../../store/destinationRow.ts';
import { certificatePem, newPrivateKeyPem, unreadKeyPems } from '../harness/pem.ts';

const least = {
  type: 'KAFKA',
  name: 'n',
  customerExternalId: 'c',
  brokers: ['broker.example.com:9092'],
  topic: 't',
  auth: { mode: 'SASL_PLAIN', username: 'u', password: 'p' },
};
const scram = { mode: 'SASL_SCRAM_SHA_512', username: 'u', password: 'p' };
const oauth = {
  mode: 'SASL_OAUTHBEARER',
  tokenEndpoint: 'https://id.example.com/token',
  clientId: 'i',
  clientSecret: 's',
};
const mtls = { mode: 'MTLS', clientCertificate: certificatePem, clientKey: newPrivateKeyPem() };

/** What is wrong, one line a field; nothing where it is accepted. */
function refused(input: unknown, allowPrivateBrokers: AllowPrivate = false): string[] {
  const checked = newDestinationSchema(allowPrivateBrokers).safeParse(input);
  if (checked.success) return [];
  return fieldProblemsOf(checked.error.issues, input).map((row) => `${row.field} ${row.problem}: ${row.expected}`);
}

function created(input: Record<string, unknown>, allowPrivateBrokers = false) {
  return newDestinationOf(newDestinationSchema(allowPrivateBrokers).parse({ ...least, ...input }));
}

describe('a new destination', () => {
  test('has defaults for all that need not be said', () => {
    expect(created({})).toEqual({
      ...least,
      partitionKey: 'customerExternalId',
      eventTypes: ['*'],
      enabled: true,
      auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
      secrets: { password: 'p' },
      producer: { lingerMs: 100, batchSizeBytes: 1_048_576, acks: 'all', compression: 'none' },
      ordering: { lanes: 'key' },
      onDeadLetter: 'continue',
    });
  });

  test('has 4 lanes where its key is finer than the customer, unless it says otherwise', () => {
    expect(created({ partitionKey: 'payload.orderId' }).ordering).toEqual({ lanes: 4 });
    expect(created({ partitionKey: 'payload.orderId', ordering: { lanes: 'key' } }).ordering).toEqual({ lanes: 'key' });
  });

  test('uses TLS, but for mode NONE, which is for development', () => {
    expect(created({ auth: scram }).auth.tls).toBe(true);
    expect(created({ auth: { mode: 'NONE' } }, true).auth.tls).toBe(false);
    expect(created({ auth: { mode: 'NONE', tls: true } }, true).auth.tls).toBe(true);
  });

  test.each([
    ['scram', scram],
    ['oauth', { ...oauth, scope: 'kafka', audience: 'a' }],
    ['mTLS', { ...mtls, clientKeyPassphrase: 'x', caCertificate: `${certificatePem}\n${certificatePem}` }],
  ])('takes each mode with its own fields: %s', (_, auth) => {
    expect(refused({ ...least, auth })).toEqual([]);
  });
});

describe('a wrong destination is refused by field, with what is wrong and what would be right', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ type: 'KINESIS' }, 'type is none of the allowed values: "KAFKA"'],
    [{ name: undefined }, 'name is missing: a string of 1 to 255 characters'],
    [{ colour: 'red' }, 'colour is not a known field: one of type, name, customerExternalId, brokers,'],
    [{ brokers: [] }, 'brokers has too few entries: a list of 1 to 50 addresses'],
    [{ brokers: 'b:9092' }, 'brokers is a string: a list of 1 to 50 addresses'],
    [
      { brokers: ['b.example.com:9092', 'kafka://b'] },
      'brokers.1 is not such an address: host:port, for example "broker-1.example.com:9093"',
    ],
    [{ brokers: ['127.0.0.1:9092'] }, 'brokers.0 is on a private network or this machine: host:port'],
    [{ brokers: ['localhost:9092'] }, 'brokers.0 is on a private network or this machine: host:port'],
    [{ topic: 'a b' }, 'topic has the wrong form: the name of a Kafka topic'],
    [{ topic: '..' }, 'topic has the wrong form: the name of a Kafka topic'],
    [{ partitionKey: 'payload' }, 'partitionKey leads to no value of an event: a path into the event'],
    [{ partitionKey: 'orderId' }, 'partitionKey leads to no value of an event: a path into the event'],
    [{ partitionKey: 'payload..id' }, 'partitionKey leads to no value of an event: a path into the event'],
    [{ partitionKey: 'customerExternalId.x' }, 'partitionKey leads to no value of an event: a path into the event'],
    [{ eventTypes: [] }, 'eventTypes has too few entries: a list of 1 to 100 patterns'],
    [{ eventTypes: [''] }, 'eventTypes.0 is too short: a pattern of 1 to 255 characters, for example "order.*"'],
    [{ enabled: 'yes' }, 'enabled is a string: true or false'],
    [{ producer: { acks: 1 } }, 'producer.acks may lose records: "all": a record counts as delivered once'],
    [{ producer: { acks: 1, mayLoseRecords: false } }, 'producer.acks may lose records: "all"'],
    [{ producer: { acks: 0, mayLoseRecords: true } }, 'producer.acks is none of the allowed values: "all"'],
    [{ producer: { acks: '1', mayLoseRecords: true } }, 'producer.acks is none of the allowed values: "all"'],
    [{ producer: { mayLoseRecords: 'yes' } }, 'producer.mayLoseRecords is a string: true or false'],
    [
      { producer: { compression: 'GZIP' } },
      'producer.compression is none of the allowed values: one of none, gzip, snappy, lz4, zstd',
    ],
    [{ producer: { compression: 5 } }, 'producer.compression is'],
    [{ producer: { lingerMs: -1 } }, 'producer.lingerMs is too small: a whole number of ms from 0 to 5000'],
    [{ producer: { lingerMs: 1.5 } }, 'producer.lingerMs is a number with a fraction: a whole number of ms'],
    [{ ordering: { lanes: 0 } }, 'ordering.lanes is too small: "key", or a whole number of lanes'],
    [{ ordering: { lanes: 1025 } }, 'ordering.lanes is too large: "key", or a whole number of lanes'],
    [
      { ordering: { lanes: 'keys' } },
      'ordering.lanes is none of the allowed values: "key", or a whole number of lanes',
    ],
    [{ onDeadLetter: 'stop' }, 'onDeadLetter is none of the allowed values: "continue" or "block"'],
    [{ auth: undefined }, 'auth is missing: a JSON object'],
    [{ auth: { mode: 'KERBEROS' } }, 'auth.mode is none of the allowed values: one of NONE, SASL_PLAIN'],
    [{ auth: { mode: 'NONE' } }, 'auth.mode is not allowed here: one of SASL_PLAIN, SASL_SCRAM_SHA_256'],
    [{ auth: { ...scram, tls: false } }, 'auth.tls is false: true: mode SASL_SCRAM_SHA_512 is used over TLS alone'],
    [{ auth: { ...scram, password: '' } }, 'auth.password is too short: a string of 1 to 1024 characters'],
    [{ auth: { ...scram, password: 'a\0b' } }, 'auth.password holds a character that is not allowed'],
    [
      { auth: { ...scram, password: undefined } },
      'auth.password is missing: mode SASL_SCRAM_SHA_512 has username and password',
    ],
    [
      { auth: { ...scram, clientId: 'i' } },
      'auth.clientId does not go with mode SASL_SCRAM_SHA_512: nothing but mode, tls, username, password, caCertificate',
    ],
    [{ auth: { ...scram, pasword: 'p' } }, 'auth.pasword is not a known field: one of mode, tls, caCertificate'],
    [{ auth: { ...scram, caCertificate: 'x' } }, 'auth.caCertificate is not such PEM: one or more certificates'],
    [
      { auth: { ...mtls, clientKey: certificatePem } },
      'auth.clientKey is not one plain PEM key: one private key in PEM',
    ],
    [
      { auth: { ...mtls, clientCertificate: certificatePem.replace('MIIB', 'MIIC') } },
      'auth.clientCertificate is not such PEM: one or more certificates',
    ],
    [
      // A key in this field would be shown.
      { auth: { ...mtls, clientCertificate: certificatePem + mtls.clientKey } },
      'auth.clientCertificate is not such PEM: one or more certificates',
    ],
    [
      { auth: { ...oauth, tokenEndpoint: 'http://id.example.com/token' } },
      'auth.tokenEndpoint is not such a URL: the URL of a token endpoint, https and public',
    ],
    [
      { auth: { ...oauth, tokenEndpoint: 'https://169.254.169.254/token' } },
      'auth.tokenEndpoint is not such a URL: the URL of a token endpoint, https and public',
    ],
    [
      { auth: { ...oauth, tokenEndpoint: 'https://u:p@id.example.com/token' } },
      'auth.tokenEndpoint is not such a URL: the URL of a token endpoint, https and public',
    ],
  ])('%j', (wrong, expected) => {
    expect(refused({ ...least, ...wrong })).toEqual([expect.stringContaining(expected)]);
  });

  test.each(Object.entries(unreadKeyPems()))('a certificate whose public key is not read, for its %s', (_, unread) => {
    expect(() => new X509Certificate(unread).publicKey).toThrow(); // That it is a certificate, OpenSSL says.
    const chain = certificatePem + unread;
    for (const [auth, field, number] of [
      [{ ...mtls, clientCertificate: unread }, 'clientCertificate', 1],
      [{ ...mtls, clientCertificate: chain }, 'clientCertificate', 2],
      [{ ...scram, caCertificate: chain }, 'caCertificate', 2],
      [{ ...oauth, tokenEndpointCaCertificate: unread }, 'tokenEndpointCaCertificate', 1],
    ] as const) {
      const told = `auth.${field} holds a certificate (number ${number}) whose public key can't be read: one or more`;
      expect(refused({ ...least, auth })).toEqual([expect.stringContaining(told)]);
    }
    const change = destinationChangeSchema(true).safeParse({ auth: { clientCertificate: unread } });
    expect(change.error?.issues).toMatchObject([{ path: ['auth', 'clientCertificate'] }]);
  });

  test('and every wrong field of it is named', () => {
    const fields = refused({ ...least, topic: '', brokers: [], auth: { mode: 'MTLS', username: 'u' } });
    expect(fields.map((line) => line.split(' ')[0])).toEqual(
      expect.arrayContaining(['topic', 'brokers', 'auth.clientCertificate', 'auth.clientKey', 'auth.username']),
    );
  });

  test('but private brokers, NONE and http are accepted where private brokers are allowed', () => {
    expect(refused({ ...least, brokers: ['localhost:9092'], auth: { mode: 'NONE' } }, true)).toEqual([]);
    expect(refused({ ...least, auth: { ...oauth, tokenEndpoint: 'http://127.0.0.1:8081/token' } }, true)).toEqual([]);
    expect(refused({ ...least, auth: { ...scram, tls: false } }, true)).toHaveLength(1);
  });

  test('and where some networks are allowed, brokers and token endpoints there, but neither loopback, NONE nor http', () => {
    const allowed = privateNetworksIn('10.0.0.0/8');
    expect(refused({ ...least, brokers: ['10.1.2.3:9092'] }, allowed)).toEqual([]);
    expect(refused({ ...least, auth: { ...oauth, tokenEndpoint: 'https://10.1.2.3/token' } }, allowed)).toEqual([]);
    for (const brokers of [['192.168.0.1:9092'], ['localhost:9092'], ['127.0.0.1:9092']]) {
      expect(refused({ ...least, brokers }, allowed)).toHaveLength(1);
    }
    expect(refused({ ...least, auth: { mode: 'NONE' } }, allowed)).toHaveLength(1);
    for (const tokenEndpoint of ['http://10.1.2.3/token', 'https://127.0.0.1/token']) {
      expect(refused({ ...least, auth: { ...oauth, tokenEndpoint } }, allowed)).toHaveLength(1);
    }
  });
});

describe('a change', () => {
  const stored = (input: Record<string, unknown> = {}): StoredDestination => {
    const { secrets, ...settings } = created(input, true);
    const secretsSet = (['password', 'clientKey', 'clientKeyPassphrase', 'clientSecret'] as const).filter(
      (field) => secrets[field] !== undefined,
    );
    const at = '2026-01-01T00:00:00.000Z';
    return { ...settings, secretsSet, id: 'dst_1', version: 1, createdAt: at, updatedAt: at };
  };
  const merged = (before: StoredDestination, input: unknown) =>
    changeOf(before, destinationChangeSchema(true).parse(input), true);
  const refusedChange = (before: StoredDestination, input: unknown): string[] => {
    try {
      merged(before, input);
      return [];
    } catch (error) {
      if (!(error instanceof FieldsRefused)) throw error;
      return error.errors.map((row) => `${row.field} ${row.problem}`);
    }
  };

  test('leaves what it does not name', () => {
    expect(merged(stored(), { topic: 't2' })).toEqual({ topic: 't2' });
    expect(merged(stored(), {})).toEqual({});
  });

  test('of one producer setting keeps the others', () => {
    const { producer } = merged(stored({ producer: { batchSizeBytes: 5 } }), { producer: { lingerMs: 7 } });
    expect(producer).toEqual({ lingerMs: 7, batchSizeBytes: 5, acks: 'all', compression: 'none' });
  });

  test('of the compression keeps the others, and one from before there was a choice is shown as it sends', () => {
    const { producer } = merged(stored({ producer: { batchSizeBytes: 5 } }), { producer: { compression: 'zstd' } });
    expect(producer).toMatchObject({ batchSizeBytes: 5, acks: 'all', compression: 'zstd' });
    const { compression: _, ...before } = stored().producer;
    expect(shownDestination({ ...stored(), producer: before }).producer.compression).toBe('none');
  });

  test('of acks is refused unless the destination says in so many words that it may lose records', () => {
    const refusal = ['producer.acks may lose records'];
    expect(refusedChange(stored(), { producer: { acks: 1 } })).toEqual(refusal);
    const lossy = { acks: 1, mayLoseRecords: true };
    expect(merged(stored(), { producer: lossy }).producer).toMatchObject(lossy);
    expect(merged(stored({ producer: { mayLoseRecords: true } }), { producer: { acks: 1 } }).producer).toMatchObject(
      lossy,
    );
    expect(refusedChange(stored({ producer: lossy }), { producer: { mayLoseRecords: false } })).toEqual(refusal);
    expect(
      merged(stored({ producer: lossy }), { producer: { acks: 'all', mayLoseRecords: false } }).producer,
    ).toMatchObject({ acks: 'all', mayLoseRecords: false });
  });

  test('of the mode keeps what the new one needs', () => {
    expect(merged(stored({ auth: scram }), { auth: { mode: 'SASL_PLAIN', password: 'p' } })).toEqual({
      auth: { mode: 'SASL_PLAIN', tls: true, username: 'u' },
      secrets: { password: 'p', clientKey: null, clientKeyPassphrase: null, clientSecret: null },
    });
  });

  describe('of where a stored secret is sent is refused until the secret is given once more', () => {
    const elsewhere = { brokers: ['broker.example.com:9092', 'other.example.com:9092'] };
    test.each<[Record<string, unknown>, Record<string, unknown>, string]>([
      [scram, elsewhere, 'password'],
      [scram, { auth: { mode: 'SASL_PLAIN' } }, 'password'],
      [scram, { auth: { caCertificate: certificatePem } }, 'password'],
      [{ ...scram, caCertificate: certificatePem }, { auth: { caCertificate: null } }, 'password'],
      [oauth, elsewhere, 'clientSecret'],
      [oauth, { auth: { tokenEndpoint: 'https://other.example.com/token' } }, 'clientSecret'],
    ])('%j, then %j', (auth, input, secret) => {
      expect(refusedChange(stored({ auth }), input)).toEqual([`auth.${secret} is missing`]);
      const given = { ...input, auth: { ...(input.auth as object | undefined), [secret]: 'once more' } };
      expect(merged(stored({ auth }), given).secrets).toMatchObject({ [secret]: 'once more' });
    });

    test('but not where none is sent: a key that never leaves, a broker left out, the same values once more', () => {
      expect(refusedChange(stored({ auth: mtls }), elsewhere)).toEqual([]);
      expect(refusedChange(stored(elsewhere), { brokers: ['other.example.com:9092'] })).toEqual([]);
      expect(refusedChange(stored({ auth: scram }), { brokers: least.brokers, auth: { tls: true } })).toEqual([]);
      expect(refusedChange(stored({ auth: scram }), { auth: { mode: 'NONE', username: null } })).toEqual([]);
    });
  });

  test('of the mode erases the secrets that the new one has no use for, and asks for those that it needs', () => {
    expect(merged(stored({ auth: scram }), { auth: oauth })).toEqual({
      auth: { mode: 'SASL_OAUTHBEARER', tls: true, tokenEndpoint: oauth.tokenEndpoint, clientId: 'i' },
      secrets: { password: null, clientKey: null, clientKeyPassphrase: null, clientSecret: 's' },
    });
    expect(refusedChange(stored({ auth: scram }), { auth: { mode: 'MTLS' } })).toEqual([
      'auth.clientCertificate is missing',
      'auth.clientKey is missing',
    ]);
  });

  test('from NONE to another mode turns TLS on', () => {
    const { auth } = merged(stored({ auth: { mode: 'NONE' } }), { auth: scram });
    expect(auth).toMatchObject({ mode: 'SASL_SCRAM_SHA_512', tls: true });
  });

  test('removes what is null, unless it is needed', () => {
    const before = stored({ auth: { ...scram, caCertificate: certificatePem } });
    const change = { auth: { caCertificate: null, password: 'p' } };
    expect(merged(before, change).auth).not.toHaveProperty('caCertificate');
    expect(refusedChange(before, { auth: { password: null } })).toEqual(['auth.password is missing']);
  });

  test('to a field that does not go with the mode is refused', () => {
    expect(refusedChange(stored({ auth: scram }), { auth: { clientSecret: 's' } })).toEqual([
      'auth.clientSecret does not go with mode SASL_SCRAM_SHA_512',
    ]);
  });

  test.each([{ customerExternalId: 'other' }, { type: 'KAFKA' }, { id: 'dst_2' }])('can not be %j', (input) => {
    expect(destinationChangeSchema(true).safeParse(input).success).toBe(false);
  });

  test('is never shown with a secret', () => {
    const shown = shownDestination(stored({ auth: scram }));
    expect(shown.auth).toEqual({ mode: 'SASL_SCRAM_SHA_512', tls: true, username: 'u', secretsSet: ['password'] });
  });
});

test('the example in the description is a destination that is accepted where private brokers are not', () => {
  expect(refused(exampleDestination)).toEqual([]);
});
