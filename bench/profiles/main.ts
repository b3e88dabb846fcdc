/**
 * `node --import tsx bench/profiles/main.ts folder [lines]`: where the time went in the CPU profiles that `npm run bench -- --profile folder`
 * left there, one for each thread of API, worker and direct road: the functions that were on the processor themselves, the longest first.
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

/** How long each function was on the processor itself, in ms, the longest first; and all of them together. */
export function selfTimes({ nodes, samples, timeDeltas }: Profile): { busyMs: number; functions: [string, number][] } {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  for (const [n, id] of samples.entries()) {
    const place = places.get(id) ?? '(unknown)';
    if (!idle.has(place)) times.set(place, (times.get(place) ?? 0) + (timeDeltas[n] ?? 0) / 1_000);
  }
  const functions = [...times].sort(([, a], [, b]) => b - a);
  return { busyMs: functions.reduce((sum, [, ms]) => sum + ms, 0), functions };
}

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
    const { busyMs, functions } = selfTimes(profile);
    console.log(
      `\n### ${file}: busy for ${(busyMs / 1_000).toFixed(1)} s\n\n| ms | of it | function |\n| --- | --- | --- |`,
    );
    for (const [place, ms] of functions.slice(0, count)) {
      console.log(`| ${Math.round(ms)} | ${((100 * ms) / busyMs).toFixed(1)} % | ${place} |`);
    }
  }
  return 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await main();
