/**
 * `node --import tsx bench/profiles/main.ts folder [lines]`: where the time went in the CPU profiles that `npm run bench -- --profile folder`
 * left there, one for each thread of API, worker and direct road: whose code it was, file or package, with what it called of Node; and
 * the functions that were on the processor themselves; the longest first.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
      children: z.array(z.number()).optional(),
    }),
  ),
  samples: z.array(z.number()),
  /** µs */
  timeDeltas: z.array(z.number()),
});
export type Profile = z.infer<typeof profileSchema>;

/** What V8 calls time in which nothing of ours ran; the collector's is work. */
const idle = new Set(['(idle)', '(program)', '(root)']);
const repository = fileURLToPath(new URL('../..', import.meta.url));

const placeOf = ({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string => {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const path = url.startsWith('file:') ? relative(repository, fileURLToPath(url)) : url;
  return `${name} ${path}:${lineNumber + 1}`;
};

type Node = Profile['nodes'][number];

/** How long each was on the processor, in ms, by the name that its node has, the longest first; and all of them together. */
function timesBy({ samples, timeDeltas }: Profile, names: ReadonlyMap<number, string>): Times {
  const times = new Map<string, number>();
  for (const [n, id] of samples.entries()) {
    const name = names.get(id) ?? '(unknown)';
    if (!idle.has(name)) times.set(name, (times.get(name) ?? 0) + (timeDeltas[n] ?? 0) / 1_000);
  }
  const longest = [...times].sort(([, a], [, b]) => b - a);
  return { busyMs: longest.reduce((sum, [, ms]) => sum + ms, 0), longest };
}
export type Times = { busyMs: number; longest: [string, number][] };

/** By the function itself. */
export const selfTimes = (profile: Profile): Times =>
  timesBy(profile, new Map(profile.nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)])));

/** The file of ours, or the package, that a function is of; undefined where it is Node's own. */
function ownerOf({ url }: Node['callFrame']): string | undefined {
  if (url === '' || url.startsWith('node:')) return undefined;
  const path = url.startsWith('file:') ? relative(repository, fileURLToPath(url)) : url;
  const ofPackage = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  return ofPackage ?? path.replace(/^(?:\.\.\/)+|^\//, '').replace(/-[0-9a-f]{16,}/, '');
}

/** By whose code it was: what is Node's own counts for who called it, but for what nobody calls. */
export function timesByOwner(profile: Profile): Times {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const owners = new Map<number, string>();
  const walk = (id: number, above: string | undefined): void => {
    const node = nodes.get(id);
    if (!node) return;
    const { functionName } = node.callFrame;
    const owner = ownerOf(node.callFrame) ?? (/^\(\w/.test(functionName) ? undefined : above);
    owners.set(id, owner ?? placeOf(node.callFrame));
    for (const child of node.children ?? []) walk(child, owner);
  };
  const [root] = profile.nodes;
  if (root) walk(root.id, undefined);
  return timesBy(profile, owners);
}

const table = (title: string, { busyMs, longest }: Times, count: number): string => {
  const lines = longest
    .slice(0, count)
    .map(([name, ms]) => `| ${Math.round(ms)} | ${((100 * ms) / busyMs).toFixed(1)} % | ${name} |`);
  return [`\n| ms | of it | ${title} |\n| --- | --- | --- |`, ...lines].join('\n');
};

async function main(): Promise<number> {
  const [folder, lines = '25'] = process.argv.slice(2);
  const count = Number(lines);
  if (folder === undefined || !Number.isInteger(count) || count < 1) {
    console.error(
      'Usage: node --import tsx bench/profiles/main.ts folder [lines]: a folder that --profile filled, and how many lines each.',
    );
    return 1;
  }
  const files = (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).sort();
  if (files.length === 0) {
    console.error(
      `${folder} holds no .cpuprofile. Make some: npm run bench -- --row cpu-per-event --profile ${folder}`,
    );
    return 1;
  }
  for (const file of files) {
    const profile = profileSchema.parse(JSON.parse(await readFile(join(folder, file), 'utf8')));
    const functions = selfTimes(profile);
    console.log(`\n### ${file}: busy for ${(functions.busyMs / 1_000).toFixed(1)} s`);
    console.log(table('whose code', timesByOwner(profile), count));
    console.log(table('function', functions, count));
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
