/** Kafka's own Java client, as its console tools: a second opinion on what we wrote, and where. */
import { run } from '../../dev/servers/install.ts';
import { kafkaConsoleTools } from '../../dev/servers/kafka.ts';

export type JavaRecord = { partition: number; offset: number; headers: string; key: string; value: string };

const timeoutMs = 60_000;

async function java(tool: string, args: string[], input = ''): Promise<string> {
  const vm = ['-Xmx128m', '-XX:+UseSerialGC', '-Dfile.encoding=UTF-8', '-cp', await kafkaConsoleTools()];
  return run('java', [...vm, `org.apache.kafka.tools.${tool}`, ...args], { timeoutMs, input });
}

/** The first `count` records of a topic, as the Java console consumer prints them; each partition in order. */
export async function javaRecords(brokers: readonly string[], topic: string, count: number): Promise<JavaRecord[]> {
  const shown = ['partition', 'offset', 'headers', 'key', 'value'];
  const printed = await java('consumer.ConsoleConsumer', [
    ...['--bootstrap-server', brokers.join(','), '--topic', topic, '--from-beginning'],
    ...['--max-messages', String(count), '--timeout-ms', String(timeoutMs / 2)],
    ...shown.flatMap((what) => ['--property', `print.${what}=true`]),
  ]);
  const lines = printed.split('\n').filter(Boolean);
  return lines.map((line) => {
    const [partition = '', offset = '', headers = '', key = '', ...value] = line.split('\t');
    const numberIn = (text: string): number => Number(text.split(':')[1]);
    return { partition: numberIn(partition), offset: numberIn(offset), headers, key, value: value.join('\t') };
  });
}

export type JavaError = { name: string; code: number; isRetriable: boolean };

/** Every error code that Kafka's Java client knows; it prints them as the table of Kafka's own documentation. */
export async function javaErrors(): Promise<JavaError[]> {
  const vm = ['-cp', await kafkaConsoleTools(), 'org.apache.kafka.common.protocol.Errors'];
  const rows = (await run('java', vm, { timeoutMs })).matchAll(
    /<td>(\w+)<\/td><td>(-?\d+)<\/td><td>(True|False)<\/td>/g,
  );
  return [...rows].map(([, name = '', code, retriable]) => ({
    name,
    code: Number(code),
    isRetriable: retriable === 'True',
  }));
}

/** Writes a record for each key with the Java console producer, hence with Java's default partitioner. */
export async function javaProduce(brokers: readonly string[], topic: string, keys: readonly string[]): Promise<void> {
  const lines = keys.map((key) => `${key}\tvalue\n`).join('');
  const args = ['--bootstrap-server', brokers.join(','), '--topic', topic, '--property', 'parse.key=true'];
  await java('ConsoleProducer', args, lines);
}

/** Bounds what a user may produce, in bytes a second, or lifts the bound: with Kafka's own tool, for kafkajs can't. */
export async function setByteRate(
  brokers: readonly string[],
  user: string,
  bytesPerSecond: number | undefined,
): Promise<void> {
  const setting = bytesPerSecond === undefined ? ['--delete-config'] : ['--add-config'];
  const value = bytesPerSecond === undefined ? 'producer_byte_rate' : `producer_byte_rate=${bytesPerSecond}`;
  const args = ['--bootstrap-server', brokers.join(','), '--alter', '--entity-type', 'users', '--entity-name', user];
  const vm = ['-Xmx128m', '-XX:+UseSerialGC', '-cp', await kafkaConsoleTools()];
  await run('java', [...vm, 'kafka.admin.ConfigCommand', ...args, ...setting, value], { timeoutMs });
}
