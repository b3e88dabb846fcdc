import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Connection } from '@temporalio/client';
import { installed, run, type Tool } from './install.ts';
import { mavenJars, mavenTools } from './maven.ts';
import { freePort } from './ports.ts';
import { startServer } from './server.ts';

/**
 * Not 1.32: where a signal crosses the workflow task that continues as new, it fails that task, answers the signal well, and
 * gives out no further task, so that the workflow stands still.
 */
const version = '1.38.0';

const folder = `temporal-test-server-${version}`;

export const timeSkippingTools = (): Promise<Tool[]> => mavenTools(folder);

/** `exec`, so that the pid which the SDK knows and kills is that of the server. */
const wrapper = `#!/bin/sh
exec java -Xmx256m -XX:+UseSerialGC -cp "$(dirname "$0")/jars/*" io.temporal.testserver.TestServer "$@"
`;

/** A Java machine that finds the archive made by another version, or none, starts as it does without. */
const quickWrapper = (jars: string): string => `#!/bin/sh
exec java -Xmx256m -XX:+UseSerialGC -XX:SharedArchiveFile="$(dirname "$0")/classes.jsa" -cp "${jars}/*" io.temporal.testserver.TestServer "$@"
`;

/**
 * The path of Temporal's time-skipping test server, installed where missing. For
 * `TestWorkflowEnvironment.createTimeSkipping({ server: { executable: { type: 'existing-path', path } } })`.
 */
export async function timeSkippingServerPath(): Promise<string> {
  const dir = await mavenJars({
    name: folder,
    what: 'the time-skipping Temporal test server',
    artifacts: [
      { groupId: 'io.temporal', artifactId: 'temporal-test-server', version },
      { groupId: 'org.slf4j', artifactId: 'slf4j-nop', version: '1.7.36' },
    ],
    finish: (partial) => writeFile(join(partial, 'temporal-test-server'), wrapper, { mode: 0o755 }),
  });
  return join(dir, 'temporal-test-server');
}

/**
 * The same, started with an archive of the classes that it loads, which this makes where it is missing: a start takes 0.4 s of CPU, not 1.0
 * (docs/decisions/tests-at-once.md).
 */
export async function quickTimeSkippingServerPath(): Promise<string> {
  const plain = await timeSkippingServerPath();
  const java = createHash('sha256').update(await run('java', ['-version'], { withStderr: true }));
  const name = `${folder}-classes-${java.digest('hex').slice(0, 12)}`;
  const dir = await installed(name, async (partial) => {
    await writeFile(join(partial, 'temporal-test-server'), quickWrapper(join(dirname(plain), 'jars')), { mode: 0o755 });
    await archiveClasses(plain, join(partial, 'classes.jsa'), join(partial, 'log'));
  });
  return join(dir, 'temporal-test-server');
}

/** Java writes the archive as it ends. */
async function archiveClasses(plain: string, archive: string, logFile: string): Promise<void> {
  const port = await freePort();
  const javaOptions = [process.env.JAVA_TOOL_OPTIONS, `-XX:ArchiveClassesAtExit=${archive}`];
  const server = await startServer({
    name: 'the time-skipping Temporal test server',
    command: plain,
    args: [String(port)],
    env: { JAVA_TOOL_OPTIONS: javaOptions.filter(Boolean).join(' ') },
    logFile,
    stopWithinMs: 60_000,
    ready: async () => (await Connection.connect({ address: `127.0.0.1:${port}` })).close(),
  });
  await server.stop();
}
