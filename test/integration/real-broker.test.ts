/** The design's examples of failures that no other test has from a real broker, or from the machine's own resolver. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { probeTopic } from '../../activities/kafka/probe.ts';
import { TopicConnection } from '../../activities/kafka/topicConnection.ts';
import { expectRow } from '../harness/failureRow.ts';
import { blockWithKeys, openDestination } from '../harness/produceActivity.ts';
import { sharedProduce } from '../harness/sharedProduce.ts';

const shared = sharedProduce();

test('UNKNOWN_TOPIC_OR_PARTITION: in passing for five minutes, then the destination is at fault', async () => {
  const destination = openDestination({ brokers: shared.kafka.brokers, topic: `none-${crypto.randomUUID()}` });
  const wanted = { name: 'UNKNOWN_TOPIC_OR_PARTITION', code: 3 };
  await expectRow(wanted, (before) => shared.produce.run(destination, blockWithKeys(['k']), before));
});

test('a broker at an address that our policy refuses is sent nothing, and asked nothing', async () => {
  const topic = await shared.kafka.newTopic();
  const destination = openDestination({ brokers: shared.kafka.brokers, topic, allowPrivate: false });
  await expectRow({ name: 'ADDRESS_REFUSED' }, (before) =>
    shared.produce.run(destination, blockWithKeys(['k']), before),
  );
  await expect(probeTopic(destination)).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' });
  expect(await shared.kafka.records(topic)).toEqual([]);
});

test('INVALID_RECORD: what a compacted topic says of a record without a key, which ours never are', async () => {
  const topic = await shared.kafka.newTopic(1, { 'cleanup.policy': 'compact' });
  const destination = openDestination({ brokers: shared.kafka.brokers, topic });
  const connection = new TopicConnection(destination);
  onTestFinished(() => connection.close());
  const record = { key: null, value: Buffer.from('{}'), headers: {} };
  // @ts-expect-error: a record of ours has a key.
  const answers = await connection.send(new Map([[0, [record]]]), () => true);
  expect(answers.get(0)).toMatchObject({ failure: { name: 'INVALID_RECORD', code: 87 }, isUnknown: false });
});

const run = promisify(execFile);
const asRoot = ['--map-root-user', '--mount'];
const canHideResolver = await run('unshare', [...asRoot, 'true']).then(
  () => true,
  () => false,
);

// A mount namespace of its own, where the system has such: there the machine's name server is one that does not answer.
test.runIf(canHideResolver)('EAI_AGAIN: what a name server that does not answer is to our client', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'causeway-resolver-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
  await writeFile(join(dir, 'nsswitch.conf'), 'hosts: files dns\n');
  const hide = (name: string) => `if [ -e /etc/${name} ]; then mount --bind ${dir}/${name} /etc/${name}; fi`;
  const ask = `
    const { TopicConnection } = await import('./activities/kafka/topicConnection.ts');
    const { failureIn } = await import('./activities/kafka/failureNames.ts');
    const { openDestination } = await import('./test/harness/produceActivity.ts');
    const topic = new TopicConnection(openDestination({ brokers: ['broker.example:9092'], topic: 't' }));
    const failure = await topic.partitionCount().catch(failureIn);
    topic.close();
    console.log(failure.name);
  `;
  const node = `exec "${process.execPath}" --import tsx --input-type=module --eval "$0"`;
  const script = ['resolv.conf', 'nsswitch.conf'].map(hide).concat(node).join('\n');
  const { stdout } = await run('unshare', [...asRoot, 'sh', '-ec', script, ask]);
  expect(stdout.trim()).toBe('EAI_AGAIN');
});
