/** Sends the example event to an API that runs, and prints its record read back from Kafka. For docker-compose.yml. */
import { z } from 'zod';
import { deliverExample, exampleLines } from './stack/example.ts';

const environment = z.object({
  CAUSEWAY_API_URL: z.url(),
  CAUSEWAY_API_KEY: z.string(),
  KAFKA_BROKERS: z.string().transform((text) => text.split(',')),
});

async function main(): Promise<number> {
  const env = environment.parse(process.env);
  const addresses = { api: env.CAUSEWAY_API_URL, apiKey: env.CAUSEWAY_API_KEY, kafkaBrokers: env.KAFKA_BROKERS };
  const example = await deliverExample(addresses);
  console.log(exampleLines(example).join('\n'));
  return example.record ? 0 : 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
