import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tool } from './install.ts';
import { mavenJars, mavenTools } from './maven.ts';

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
