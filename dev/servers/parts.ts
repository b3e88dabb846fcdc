import { chromiumPath } from './chromium.ts';
import { MissingTools, missingTools, type Tool } from './install.ts';
import { kafkaConsoleTools, kafkaConsoleToolsTools } from './kafka.ts';
import { kfakeBinary, kfakeTools } from './kfake.ts';
import { postgresBinaries } from './postgres.ts';
import { temporalBuildTools, temporalCli } from './temporal.ts';
import { timeSkippingServerPath, timeSkippingTools } from './timeSkipping.ts';
import { toxiproxyPath, toxiproxyTools } from './toxiproxy.ts';

type Part = {
  install: () => Promise<string>;
  /** The commands that it can't do without, as things stand. */
  tools?: () => Promise<Tool[]>;
  /** Those that it needs only where its download can't be reached. */
  perhapsTools?: () => Promise<Tool[]>;
};

const temporal: Part = { install: temporalCli, perhapsTools: temporalBuildTools };
/** The broker, and its console tools: two installs of it side by side would be in each other's way. */
const kafka: Part = { install: kafkaConsoleTools, tools: kafkaConsoleToolsTools };
const postgres: Part = { install: postgresBinaries };
const ofTests: readonly Part[] = [
  { install: kfakeBinary, tools: kfakeTools },
  { install: timeSkippingServerPath, tools: timeSkippingTools },
  { install: toxiproxyPath, tools: toxiproxyTools },
  { install: chromiumPath },
];

function partsFor({ forTests }: { forTests: boolean }): Part[] {
  return [
    ...(process.env.TEMPORAL_ADDRESS ? [] : [temporal]),
    ...(process.env.KAFKA_BROKERS && !forTests ? [] : [kafka]),
    ...(process.env.DATABASE_URL ? [] : [postgres]),
    ...(forTests ? ofTests : []),
  ];
}

/** Before anything is downloaded or built, which takes minutes. */
async function checkTools(parts: readonly Part[]): Promise<void> {
  const needed = (await Promise.all(parts.map(({ tools }) => tools?.() ?? []))).flat();
  const missing = await missingTools(needed);
  if (missing.length === 0) return;
  const perhaps = (await Promise.all(parts.map(({ perhapsTools }) => perhapsTools?.() ?? []))).flat();
  throw new MissingTools([...new Set([...missing, ...(await missingTools(perhaps))])]);
}

/**
 * Installs what is missing of the parts that the environment does not give an address of. Where commands are missing for
 * it, one {@link MissingTools} names them all.
 */
export async function installParts(options: { forTests: boolean }): Promise<void> {
  const parts = partsFor(options);
  await checkTools(parts);
  const results = await Promise.allSettled(parts.map(({ install }) => install()));
  const failed = results.find((result) => result.status === 'rejected'); // Once none is at work any more.
  if (failed) throw failed.reason;
}
