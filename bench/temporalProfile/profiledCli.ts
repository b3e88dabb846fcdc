import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { installed, requireTools, run } from '../../dev/servers/install.ts';
import { longStep } from '../../dev/servers/progress.ts';
import { cliVersion } from '../../dev/servers/temporal.ts';

/** Where the server listens for who wants a profile: host:port. */
export const profileAddressVariable = 'CAUSEWAY_BENCH_PPROF';

/** The CLI's dev server has no option for it. */
const listening = `package main

import (
	"net/http"
	_ "net/http/pprof"
	"os"
)

func init() {
	if address := os.Getenv("${profileAddressVariable}"); address != "" {
		go http.ListenAndServe(address, nil)
	}
}
`;
const buildMsMax = 60 * 60_000;

async function moduleFolder(cwd: string): Promise<string> {
  const printed = await run('go', ['mod', 'download', '-json', `github.com/temporalio/cli@v${cliVersion}`], { cwd });
  return z.object({ Dir: z.string() }).parse(JSON.parse(printed)).Dir;
}

/** The path of a Temporal CLI that is the usual one, but for a server of profiles in it; built where missing, with Go. */
export async function profiledCli(): Promise<string> {
  const folder = await installed(`temporal-cli-${cliVersion}-profiled`, async (partial) => {
    await requireTools('go');
    await longStep(
      `Building Temporal's CLI ${cliVersion} with profiles`,
      '3 minutes on 2 cores at the most',
      async () => {
        const source = join(partial, 'source'); // Go builds nothing that lies in its cache of modules otherwise than it is.
        await mkdir(source);
        await cp(await moduleFolder(source), source, { recursive: true });
        await run('chmod', ['-R', 'u+w', source]);
        await writeFile(join(source, 'cmd', 'temporal', 'profiles.go'), listening);
        await run('go', ['build', '-o', join(partial, 'temporal'), './cmd/temporal'], {
          cwd: source,
          timeoutMs: buildMsMax,
        });
      },
    );
  });
  return join(folder, 'temporal');
}
