import { exampleEvent } from '../../api/schemas/event.ts';
import { exampleTopic, type ReadRecord } from './example.ts';
import type { StackAddresses } from './stack.ts';

const shellQuoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A command that sends an event; without an idempotency key, so that each paste is an event of its own. */
export function curlCommand({ api, apiKey }: StackAddresses): string {
  const { eventType, customerExternalId, payload } = exampleEvent;
  return [
    `curl -sS ${api}/v1/events \\`,
    `  -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' \\`,
    `  -d ${shellQuoted(JSON.stringify({ eventType, customerExternalId, payload }))}`,
  ].join('\n');
}

const row = (name: string, value: string): string => `  ${name.padEnd(13)}${value}`;

/** What a newcomer needs to see once everything is up. */
export function summary(stack: StackAddresses, receipt: unknown, record: ReadRecord): string {
  const ui =
    stack.temporalUi === undefined
      ? []
      : [row('Temporal UI', `${stack.temporalUi}/namespaces/${stack.temporalNamespace}/workflows`)];
  return [
    '',
    'The example event was accepted:',
    `  ${JSON.stringify(receipt)}`,
    `and read back from Kafka, topic ${exampleTopic}, partition ${record.partition}, offset ${record.offset}:`,
    row('key', record.key),
    ...Object.entries(record.headers).map(([name, value], n) => row(n === 0 ? 'headers' : '', `${name}: ${value}`)),
    row('value', record.value),
    '',
    'Causeway is up:',
    row('API', `${stack.api}   (read and try it: ${stack.api}/docs)`),
    ...ui,
    row('Temporal', stack.temporalAddress),
    row('Kafka', stack.kafkaBrokers.join()),
    row('Postgres', stack.databaseUrl),
    row('For scripts', '.causeway/stack.json'),
    row('Logs', '.causeway/logs/'),
    '',
    'Send an event:',
    '',
    curlCommand(stack),
    '',
    'Ctrl-C stops all of this; the data stays in .causeway/ for the next start.',
  ].join('\n');
}
