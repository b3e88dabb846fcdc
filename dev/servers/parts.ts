import { MissingTools } from './install.ts';
import { kafkaConsoleTools, kafkaJars } from './kafka.ts';
import { kfakeBinary } from './kfake.ts';
import { postgresBinaries } from './postgres.ts';
import { temporalCli } from './temporal.ts';
import { timeSkippingServerPath } from './timeSkipping.ts';
import { toxiproxyPath } from './toxiproxy.ts';

/**
 * Installs what is missing of the parts that the environment does not give an address of. Where commands are missing for
 * it, one {@link MissingTools} names them all.
 */
export async function installParts(options: { forTests: boolean }): Promise<void> {
  const installs = [
    process.env.TEMPORAL_ADDRESS ? undefined : temporalCli,
    // The tools bring the broker: two installs of it side by side would be in each other's way.
    options.forTests ? kafkaConsoleTools : process.env.KAFKA_BROKERS ? undefined : kafkaJars,
    process.env.DATABASE_URL ? undefined : postgresBinaries,
    options.forTests ? kfakeBinary : undefined,
    options.forTests ? timeSkippingServerPath : undefined,
    options.forTests ? toxiproxyPath : undefined,
  ].filter((install) => install !== undefined);
  const results = await Promise.allSettled(installs.map((install) => install()));
  const reasons = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const missing = reasons.filter((reason) => reason instanceof MissingTools);
  const other = reasons.find((reason) => !(reason instanceof MissingTools));
  if (missing.length > 0) throw new MissingTools([...new Set(missing.flatMap(({ tools }) => tools))]);
  if (other !== undefined) throw other;
}
