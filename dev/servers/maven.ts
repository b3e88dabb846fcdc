import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheDir, exists, installed, requireTools, run } from './install.ts';
import { longStep } from './progress.ts';

export type Artifact = { groupId: string; artifactId: string; version: string };

const dependency = ({ groupId, artifactId, version }: Artifact) =>
  `<dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>`;

const pom = (artifacts: readonly Artifact[]) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>causeway.dev</groupId><artifactId>parts</artifactId><version>1</version>
  <dependencies>${artifacts.map(dependency).join('')}</dependencies>
</project>
`;

const copyPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

export type Jars = {
  /** The folder's name in the cache, with the version. */
  name: string;
  /** For people. */
  what: string;
  artifacts: readonly Artifact[];
  /** false: these artifacts alone, where what they depend on is at hand. */
  withDependencies?: boolean;
  /** What else belongs into the folder. */
  finish?: (dir: string) => Promise<void>;
};

/** A folder with `jars/`: these artifacts and all they depend on, from the Maven registry where not yet there. */
export async function mavenJars({ name, what, artifacts, withDependencies = true, finish }: Jars): Promise<string> {
  const isThere = await exists(join(cacheDir(), name));
  await requireTools('java', ...(isThere ? [] : (['mvn'] as const))); // Named together, for who lacks both.
  return installed(name, async (partial) => {
    await longStep(`Getting ${what} from the Maven registry`, 'about 10 seconds, once', async () => {
      const pomFile = join(partial, 'pom.xml');
      await writeFile(pomFile, pom(artifacts));
      const args = ['-q', '-B', '-f', pomFile, copyPlugin, `-DoutputDirectory=${join(partial, 'jars')}`];
      await run('mvn', [...args, '-DincludeScope=runtime', `-DexcludeTransitive=${!withDependencies}`], {
        timeoutMs: 15 * 60_000,
      });
      await rm(pomFile);
    });
    await finish?.(partial);
  });
}
