import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Connection } from '@temporalio/client';
import { classArchive } from './classArchive.ts';
import type { Tool } from './install.ts';
import { mavenJars, mavenTools } from './maven.ts';
import { freePort } from './ports.ts';
import { startServer } from './server.ts';

/**
 * Not 1.32: where a signal crosses the workflow task that continues as new, it fails that task, answers the signal well, and
 * gives out no further task, so that the workflow stands still.
 */
const version = '1.38.0';

const folder = `temporal-test-server-${version}`;
const serverFile = 'temporal-test-server';

export const timeSkippingTools = (): Promise<Tool[]> => mavenTools(folder);

/** `exec`, so that the pid which the SDK knows and kills is that of the server. */
const wrapper = `#!/bin/sh
exec java -Xmx256m -XX:+UseSerialGC -cp "$(dirname "$0")/jars/*" io.temporal.testserver.TestServer "$@"
`;

/** The same with an archive of classes beside it. */
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
    finish: (partial) => writeFile(join(partial, serverFile), wrapper, { mode: 0o755 }),
  });
  return join(dir, serverFile);
}

/**
 * The same, started with an archive of the classes that it loads, which this makes where it is missing: a start takes 0.4 s of CPU, not 1.0
 * (docs/decisions/tests-at-once.md).
 */
export async function quickTimeSkippingServerPath(): Promise<string> {
  const plain = await timeSkippingServerPath();
  const jars = join(dirname(plain), 'jars');
  const archive = await classArchive({ name: folder, jars }, async (javaFlags, dir) => {
    await writeFile(join(dir, serverFile), quickWrapper(jars), { mode: 0o755 });
    await serveOnce(plain, javaFlags, join(dir, 'log'));
  });
  return archive === undefined ? plain : join(dirname(archive), serverFile);
}

async function serveOnce(plain: string, javaFlags: readonly string[], logFile: string): Promise<void> {
  const port = await freePort();
  const server = await startServer({
    name: 'the time-skipping Temporal test server',
    command: plain,
    args: [String(port)],
    env: { JAVA_TOOL_OPTIONS: [process.env.JAVA_TOOL_OPTIONS, ...javaFlags].filter(Boolean).join(' ') },
    logFile,
    stopWithinMs: 60_000,
    ready: async () => (await Connection.connect({ address: `127.0.0.1:${port}` })).close(),
  });
  await server.stop();
}
