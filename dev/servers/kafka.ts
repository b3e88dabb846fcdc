import './readCodecs.ts';
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Admin, type ITopicConfig, Kafka, logLevel } from 'kafkajs';
import { archiveFlags, classArchive } from './classArchive.ts';
import { exists, run, type Tool } from './install.ts';
import { mavenJars, mavenTools } from './maven.ts';
import { freePort, portOr } from './ports.ts';
import { say } from './progress.ts';
import { withSecretFile } from './secretFile.ts';
import { foreignServer, type Server, startServer } from './server.ts';
import { until } from './until.ts';

const version = '4.1.0';

export type KafkaServer = Server & { brokers: string[] };

export type KafkaOptions = {
  /** Holds the log segments and the configuration. */
  dataDir: string;
  logDir: string;
  /** The wanted port; a free one where busy or not given. */
  port?: number;
  /** More lines for server.properties, which win over ours. */
  properties?: Record<string, string>;
  /** Beside the plain one, which is also what the broker itself uses. */
  listeners?: readonly Listener[];
  /** More arguments for the format tool: users with a SCRAM password, for one, must be there from the beginning. */
  formatArgs?: readonly string[];
  /** More arguments for the Java machine. */
  javaArgs?: readonly string[];
};

/** A way into a broker; clients are told to come to `advertisedPort`, where a proxy may listen. */
export type Listener = {
  name: string;
  protocol: 'PLAINTEXT' | 'SASL_SSL' | 'SSL';
  port: number;
  advertisedPort?: number;
};

/** One of the brokers of a cluster, each of which is a controller, too. */
export type KafkaNode = {
  id: number;
  ports: { broker: number; controller: number };
  /** `id@host:port` of all controllers. */
  voters: string;
  clusterId: string;
};

const brokerFolder = `kafka-${version}`;
const consoleFolder = `kafka-tools-${version}`;

export const kafkaConsoleToolsTools = async (): Promise<Tool[]> => [
  ...(await mavenTools(brokerFolder)),
  ...(await mavenTools(consoleFolder)),
];

/** The folder of Kafka's jars, installed where missing. */
export async function kafkaJars(): Promise<string> {
  const dir = await mavenJars({
    name: brokerFolder,
    what: `Kafka ${version}`,
    artifacts: [
      { groupId: 'org.apache.kafka', artifactId: 'kafka_2.13', version },
      { groupId: 'org.slf4j', artifactId: 'slf4j-simple', version: '1.7.36' },
    ],
  });
  return join(dir, 'jars');
}

const archived = (jars: string) => ({ name: brokerFolder, jars });

/** Makes the archive of classes with which brokers start, where it is missing; its path (docs/decisions/tests-at-once.md). */
export const kafkaClassArchive = async (): Promise<string | undefined> =>
  classArchive(archived(await kafkaJars()), async (javaArgs, dir) => {
    const server = await startOwnKafka({ dataDir: join(dir, 'data'), logDir: join(dir, 'logs'), javaArgs });
    await server.stop();
    await rm(join(dir, 'data'), { recursive: true, force: true });
  });

/** The class path of Kafka's console tools, which are one small jar beside the broker's. */
export async function kafkaConsoleTools(): Promise<string> {
  const jars = await kafkaJars();
  const dir = await mavenJars({
    name: consoleFolder,
    what: "Kafka's console tools",
    artifacts: [{ groupId: 'org.apache.kafka', artifactId: 'kafka-tools', version }],
    withDependencies: false,
  });
  return `${jars}/*:${join(dir, 'jars')}/*`;
}

/** A script `kafka-acls.sh`, as Kafka comes with it. */
export const aclsCommand = async (): Promise<string> =>
  `#!/bin/sh\nexec java -Xmx128m -XX:+UseSerialGC -cp '${await kafkaConsoleTools()}' org.apache.kafka.tools.AclCommand "$@"\n`;

/** A client without a word in the log: what it would say of a broker that starts or stops is what we expect. */
export const kafkaClient = (brokers: readonly string[], clientId = 'causeway-dev'): Kafka =>
  new Kafka({ clientId, brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 2 } });

const listenerLines = (ports: KafkaNode['ports'], more: readonly Listener[]): Record<string, string> => {
  const plain: Listener = { name: 'PLAINTEXT', protocol: 'PLAINTEXT', port: ports.broker };
  const all = [plain, ...more];
  const advertised = all.map(({ name, port, advertisedPort }) => `${name}://127.0.0.1:${advertisedPort ?? port}`);
  return {
    listeners: [
      ...all.map(({ name, port }) => `${name}://127.0.0.1:${port}`),
      `CONTROLLER://127.0.0.1:${ports.controller}`,
    ].join(),
    'advertised.listeners': advertised.join(),
    'listener.security.protocol.map': [
      'CONTROLLER:PLAINTEXT',
      ...all.map(({ name, protocol }) => `${name}:${protocol}`),
    ].join(),
  };
};

const nodeLines = ({ id, voters }: KafkaNode, dataDir: string): Record<string, string> => ({
  'process.roles': 'broker,controller',
  'node.id': String(id),
  'controller.quorum.voters': voters,
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'log.dirs': join(dataDir, 'log'),
  // A customer's topic is made by the customer; a name misspelt must fail here as it does there.
  'auto.create.topics.enable': 'false',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'transaction.state.log.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'log.retention.ms': '-1',
  // After a kill the controller takes the broker back only when its old session is over: the default is 9 s.
  'broker.session.timeout.ms': '4000',
  'broker.heartbeat.interval.ms': '1000',
});

/** A letter first: the format tool would read an id that begins with a dash as an option. */
export const newClusterId = (): string => `A${randomBytes(16).toString('base64url').slice(1)}`;

/** The cluster id lies beside the data; a folder formatted only in part is formatted anew. */
async function format(
  jars: string,
  { dataDir, formatArgs = [] }: KafkaOptions,
  propertiesFile: string,
  clusterId: string,
): Promise<void> {
  const idFile = join(dataDir, 'cluster-id');
  if (await exists(idFile)) return;
  await rm(join(dataDir, 'log'), { recursive: true, force: true });
  const flags = await archiveFlags(archived(jars));
  const tool = [...flags, '-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format', '--cluster-id', clusterId];
  const argsFile = join(dataDir, 'format-arguments');
  // The tool reads an argument from each line. They hold passwords.
  await withSecretFile(argsFile, [...formatArgs, ''].join('\n'), () =>
    run('java', [...tool, '--config', propertiesFile, ...(formatArgs.length > 0 ? [`@${argsFile}`] : [])]),
  );
  await writeFile(idFile, clusterId);
}

async function answers(brokers: string[]): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const { brokers: seen } = await admin.describeCluster();
    if (seen.length === 0) throw new Error('No broker has registered yet.');
  } finally {
    await admin.disconnect();
  }
}

const heap = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC'];

/** A broker of our own, whatever `KAFKA_BROKERS` says; returns when it answers for its cluster. */
export async function startOwnKafka(options: KafkaOptions): Promise<KafkaServer> {
  const broker = options.port === undefined ? await freePort() : await portOr(options.port, 'Kafka');
  const ports = { broker, controller: await freePort() };
  const voters = `1@127.0.0.1:${ports.controller}`;
  return startKafkaNode(options, { id: 1, ports, voters, clusterId: newClusterId() });
}

/** One broker of a cluster, or the only one; returns when it answers for its cluster. */
export async function startKafkaNode(options: KafkaOptions, node: KafkaNode): Promise<KafkaServer> {
  const jars = await kafkaJars();
  await mkdir(options.dataDir, { recursive: true });
  const propertiesFile = join(options.dataDir, 'server.properties');
  const properties = {
    ...nodeLines(node, options.dataDir),
    ...listenerLines(node.ports, options.listeners ?? []),
    ...options.properties,
  };
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${value}\n`);
  await rm(propertiesFile, { force: true }); // One of an earlier start may be there for all to read.
  await writeFile(propertiesFile, lines.join(''), { mode: 0o600 }); // Users' passwords are in it.
  await format(jars, options, propertiesFile, node.clusterId);
  const brokers = [`127.0.0.1:${node.ports.broker}`];
  const flags = await archiveFlags(archived(jars));
  const server = await startServer({
    name: 'Kafka',
    command: 'java',
    args: [...heap, ...flags, ...(options.javaArgs ?? []), '-cp', `${jars}/*`, 'kafka.Kafka', propertiesFile],
    logFile: join(options.logDir, node.id === 1 ? 'kafka.log' : `kafka-${node.id}.log`),
    stopWithinMs: 20_000,
    ready: () => answers(brokers),
  });
  return Object.assign(server, { brokers });
}

/** The Kafka at `KAFKA_BROKERS`, or one of our own. */
export async function startKafka(options: KafkaOptions): Promise<KafkaServer> {
  const given = process.env.KAFKA_BROKERS;
  if (!given) return startOwnKafka(options);
  const brokers = given.split(',').map((broker) => broker.trim());
  await answers(brokers);
  say(`Kafka: using ${given} (KAFKA_BROKERS).`);
  return { ...foreignServer('Kafka'), brokers };
}

/** Creates a topic where it is not there yet. */
export async function ensureTopic(
  brokers: readonly string[],
  topic: string,
  numPartitions: number,
  config: Record<string, string> = {},
): Promise<void> {
  const admin = kafkaClient(brokers).admin();
  await admin.connect();
  try {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    await createTopic(admin, { topic, numPartitions, configEntries });
  } finally {
    await admin.disconnect();
  }
}

/**
 * Creates a topic, where it is not there yet, and returns once the leader of each partition answers for it: a broker that was just
 * named a leader says NOT_LEADER_OR_FOLLOWER for a moment. kafkajs's own `waitForLeaders` throws where a broker has not heard
 * of the topic yet.
 */
export async function createTopic(admin: Admin, config: ITopicConfig): Promise<void> {
  const { topic } = config;
  await admin.createTopics({ topics: [config], waitForLeaders: false });
  // Asks each leader; throws where one is not there, or not yet that.
  const offsets = () => admin.fetchTopicOffsets(topic);
  await until(`the leaders of ${topic}`, offsets, (partitions) => partitions.length > 0);
}
