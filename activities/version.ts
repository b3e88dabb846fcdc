import { createRequire } from 'node:module';

/** Causeway's, of this process. */
export const { version } = createRequire(import.meta.url)('../package.json') as { version: string }; // Our own file.

/** What a worker tells Temporal of its code: this version, and a digest of what it was built from. */
export const buildIdOf = (digest: string): string => `${version}+${digest}`;

/** The version in such an id. One that is no such id, as of earlier workers, stands for itself. */
export const versionIn = (buildId: string): string => /^(\d[^+]*)\+/.exec(buildId)?.[1] ?? buildId;
