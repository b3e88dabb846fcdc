import { Client, Connection } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import pg from 'pg';
import { expect, test } from 'vitest';
import { kafkaClient } from '../../dev/servers/kafka.ts';
import { timeSkippingServerPath } from '../../dev/servers/timeSkipping.ts';
import { searchAttributeTypes } from '../../domain/lane.ts';
import { testKafka } from '../harness/kafka.ts';
import { ownKafka, ownTemporal } from '../harness/servers.ts';
import { sharedServers } from '../harness/sharedServers.ts';

const servers = sharedServers();

test('Temporal answers, knows our search attributes, and keeps closed runs for 30 days', async () => {
  const connection = await Connection.connect({ address: servers.temporal.address });
  const { namespace } = servers.temporal;
  const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
  const { config } = await connection.workflowService.describeNamespace({ namespace });
  await connection.close();
  expect(Object.keys(customAttributes ?? {})).toEqual(expect.arrayContaining(Object.keys(searchAttributeTypes)));
  expect(Number(config?.workflowExecutionRetentionTtl?.seconds)).toBe(30 * 24 * 3600);
});

test('Kafka keeps what is written, and does not make topics up', async () => {
  const kafka = testKafka(servers.kafka.brokers);
  const topic = await kafka.newTopic(2);
  const producer = kafkaClient(servers.kafka.brokers).producer({ allowAutoTopicCreation: false });
  await producer.connect();
  await producer.send({ topic, messages: [{ key: 'k', value: 'v', headers: { h: '1' }, partition: 1 }] });
  const made = producer.send({ topic: `${topic}-misspelt`, messages: [{ value: 'v' }] });
  await expect(made).rejects.toThrow(/does not host this topic-partition/);
  await producer.disconnect();

  const [record, ...more] = await kafka.records(topic);
  await kafka.stop();
  expect(more).toEqual([]);
  expect(record).toMatchObject({ partition: 1, offset: 0, headers: { h: '1' } });
  expect([String(record?.key), String(record?.value)]).toEqual(['k', 'v']);
});

test('Postgres answers, and does not run with fsync off', async () => {
  const client = new pg.Client({ connectionString: servers.databaseUrl });
  await client.connect();
  const { rows } = await client.query('SHOW fsync');
  await client.end();
  expect(rows).toEqual([{ fsync: 'on' }]);
});

test('the time-skipping Temporal answers', async () => {
  const path = await timeSkippingServerPath();
  const environment = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path } },
  });
  const before = await environment.currentTimeMs();
  await environment.sleep('10 days');
  const after = await environment.currentTimeMs();
  await environment.teardown();
  expect(after - before).toBeGreaterThanOrEqual(10 * 24 * 3_600_000);
});

test('a Temporal and a Kafka that were killed come back with their data', async () => {
  const [temporal, broker] = await Promise.all([ownTemporal(), ownKafka()]);
  const connection = await Connection.connect({ address: temporal.address });
  const client = new Client({ connection });
  const start = { taskQueue: 'nobody', workflowId: 'kept' };
  const { firstExecutionRunId } = await client.workflow.start('anything', start);
  const kafka = testKafka(broker.brokers);
  const topic = await kafka.newTopic();

  await Promise.all([temporal.kill(), broker.kill()]);
  await Promise.all([temporal.restart(), broker.restart()]);

  const described = await client.workflow.getHandle('kept').describe();
  expect(described.runId).toBe(firstExecutionRunId);
  expect(await kafka.records(topic)).toEqual([]);
  await Promise.all([connection.close(), kafka.stop()]);
  await Promise.all([temporal.remove(), broker.remove()]);
});
