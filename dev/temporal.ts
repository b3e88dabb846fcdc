/** `npm run temporal -- workflow list`: Temporal's own CLI, pointed at the running stack. */
import { spawnSync } from 'node:child_process';
import { temporalCli } from './servers/temporal.ts';
import { readStackFile } from './stack/addresses.ts';

async function main(): Promise<number> {
  const { temporalAddress, temporalNamespace, api } = await readStackFile();
  const env = {
    ...process.env,
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_NAMESPACE: temporalNamespace,
    TEMPORAL_CODEC_ENDPOINT: `${api}/codec`, // Else large payloads are shown compressed.
  };
  const { status } = spawnSync(await temporalCli(), process.argv.slice(2), { env, stdio: 'inherit' });
  return status ?? 1;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
