import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { installed, isInstalled, requireTools, run, type Tool } from './install.ts';
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

/** What the part in this folder needs: Java to run, Maven to be installed. */
export const mavenTools = async (name: string): Promise<Tool[]> =>
  (await isInstalled(name)) ? ['java'] : ['java', 'mvn'];

/** A folder with `jars/`: these artifacts and all they depend on, from the Maven registry where not yet there. */
export async function mavenJars({ name, what, artifacts, withDependencies = true, finish }: Jars): Promise<string> {
  await requireTools(...(await mavenTools(name)));
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
