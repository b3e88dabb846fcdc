import { exampleEvent } from '../../api/schemas/event.ts';
import type { StackAddresses } from './addresses.ts';
import { type Example, exampleTopic } from './example.ts';
import { recordLines } from './topicReader.ts';

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

function exampleLines({ receipt, isDelivery, record }: Example): string[] {
  const accepted = ['The example event was accepted:', `  ${JSON.stringify(receipt)}`];
  if (record)
    return [...accepted, `and its record read back from Kafka, topic ${exampleTopic}:`, ...recordLines(record)];
  const why = isDelivery
    ? `it did not reach Kafka topic ${exampleTopic} in time: .causeway/logs/worker.log and the Temporal UI may say why.`
    : `no enabled destination of ${exampleEvent.customerExternalId} takes it, so nothing was delivered.`;
  return [...accepted, `but ${why}`];
}

const row = (name: string, value: string): string => `  ${name.padEnd(13)}${value}`;

/** What a newcomer needs to see once everything is up. */
export function summary(stack: StackAddresses, example: Example): string {
  const ui =
    stack.temporalUi === null
      ? []
      : [row('Temporal UI', `${stack.temporalUi}/namespaces/${stack.temporalNamespace}/workflows`)];
  return [
    '',
    ...exampleLines(example),
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
    'See it in Kafka (in another terminal):',
    '',
    'npm run read',
    '',
    'Ctrl-C stops all of this; the data stays in .causeway/ for the next start.',
  ].join('\n');
}
