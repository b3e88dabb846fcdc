import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { expect, test } from 'vitest';
import { startOwnKafka } from '../../dev/servers/kafka.ts';
import { freePort } from '../../dev/servers/ports.ts';
import { type CustomerKafka, customerKafka, customerUsers } from '../../dev/stack/customerKafka.ts';
import { family } from '../harness/processes.ts';
import { track } from '../harness/running.ts';
import { sharedServers } from '../harness/sharedServers.ts';
import { until } from '../harness/until.ts';

/** Whether both SCRAM users get in with the passwords of these secrets. */
async function areLetIn({ secrets, addresses }: CustomerKafka): Promise<boolean[]> {
  const { scram256, scram512 } = secrets.passwords;
  const logins = [
    { mechanism: 'scram-sha-256', username: customerUsers.scram256, password: scram256 },
    { mechanism: 'scram-sha-512', username: customerUsers.scram512, password: scram512 },
  ] as const;
  return await Promise.all(
    logins.map(async (sasl) => {
      const ssl = { rejectUnauthorized: false }; // The broker keeps its certificate; passwords are looked at here.
      const to = { brokers: [addresses.sasl], ssl, sasl, logLevel: logLevel.NOTHING, retry: { retries: 0 } };
      const admin = new Kafka(to).admin();
      return await admin.connect().then(
        () => admin.disconnect().then(() => true),
        () => false,
      );
    }),
  );
}

const untilLetIn = (customer: CustomerKafka): Promise<boolean[]> =>
  until(
    'both users to be let in',
    () => areLetIn(customer),
    (found) => found.every(Boolean),
  );

/** The command lines of all that this process starts while something is done. */
async function commandLinesDuring(work: () => Promise<void>): Promise<string[]> {
  const seen = new Set<string>();
  let isOver = false;
  const looking = async (): Promise<void> => {
    while (!isOver) {
      for (const { args } of await family(process.pid)) seen.add(args);
      await sleep(100); // A tool lives longer.
    }
  };
  const looked = looking();
  await work().finally(() => {
    isOver = true;
  });
  await looked;
  return [...seen];
}

test('the Kafka of npm start knows its users, also in a folder of a start that had others, and no command line shows a password', async () => {
  const dir = await mkdtemp(join(sharedServers().dir, 'customer-'));
  const kafkaDir = join(dir, 'kafka');
  await mkdir(kafkaDir);
  const ports = { sasl: await freePort(), mutual: await freePort() };
  const first = await customerKafka(dir, kafkaDir, ports);
  let stop = async (): Promise<void> => undefined;
  const all: CustomerKafka[] = [first];
  try {
    const lines = await commandLinesDuring(async () => {
      const kafka = await startOwnKafka({ dataDir: kafkaDir, logDir: join(dir, 'logs'), ...first.kafka });
      stop = track('a Kafka', () => kafka.kill());
      await first.grant(kafka.brokers);
      await untilLetIn(first);
      // As in a folder of an earlier version: its Kafka knows none of the users.
      await rm(join(dir, 'customer.json'));
      const second = await customerKafka(dir, kafkaDir, ports);
      all.push(second);
      const here = { ...second, addresses: first.addresses };
      expect(await areLetIn(here)).toEqual([false, false]);
      await second.grant(kafka.brokers);
      await untilLetIn(here);
      expect(await areLetIn(first)).toEqual([false, false]);
    });
    const tools = ['kafka.tools.StorageTool', 'kafka.admin.ConfigCommand'];
    expect(tools.filter((tool) => lines.some((line) => line.includes(tool)))).toEqual(tools);
    const passwords = all.flatMap(({ secrets }) => Object.values(secrets.passwords));
    expect(lines.filter((line) => passwords.some((password) => line.includes(password)))).toEqual([]);
    const kept = await readFile(join(dir, 'customer.json'), 'utf8');
    expect(passwords.filter((password) => kept.includes(password)).length).toBe(passwords.length / 2);
  } finally {
    await stop();
    await rm(dir, { recursive: true, force: true });
  }
});
