import { exampleEvent } from '../../api/schemas/event.ts';
import type { StackAddresses } from './addresses.ts';
import { type Example, exampleLines } from './example.ts';

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

function customerRows({ customerKafka }: StackAddresses): string[] {
  if (customerKafka === null) return [];
  const { sasl, mutualTls, tokenEndpoint } = customerKafka;
  return [
    row('', `${sasl} with SASL, ${mutualTls} with client certificates, both over TLS;`),
    row('', `tokens from ${tokenEndpoint}; credentials for each mode in .causeway/customer/`),
  ];
}

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
    row('Dashboard', `${stack.api}/   (sign in with ${stack.apiKey})`),
    row('API', `${stack.api}   (read and try it: ${stack.api}/docs)`),
    ...ui,
    row('Temporal', stack.temporalAddress),
    row('Kafka', stack.kafkaBrokers.join()),
    ...customerRows(stack),
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
