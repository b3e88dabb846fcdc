import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Run } from '../report/run.ts';
import type { Measured } from './row.ts';

/** A row as it was measured once. NaN is null in JSON. */
export type RowResult = Measured & { row: string; run: Run };

const resultsDir = fileURLToPath(new URL('../results', import.meta.url));
const prefix = 'row-';

const schema = z.object({
  row: z.string(),
  run: z.object({ startedAt: z.string(), commit: z.string(), isQuick: z.boolean() }),
  figures: z.array(z.object({ name: z.string(), value: z.number().nullable(), unit: z.string() })),
});
export type StoredRow = z.infer<typeof schema>;

const nameOf = ({ row, run }: Pick<RowResult, 'row' | 'run'>): string =>
  `${prefix}${row}-${run.startedAt.slice(0, 19).replaceAll(':', '')}.json`;

/** The latest stored result of a row; undefined where there is none. Throws for a file that is none, naming it. */
export async function lastStored(row: string, dir = resultsDir): Promise<StoredRow | undefined> {
  const names = (await readdir(dir)).filter((name) => name.startsWith(`${prefix}${row}-2`) && name.endsWith('.json'));
  const latest = names.toSorted().at(-1);
  if (latest === undefined) return undefined;
  const read = schema.safeParse(JSON.parse(await readFile(join(dir, latest), 'utf8')));
  if (!read.success) throw new Error(`bench/results/${latest} is no result of a row: ${z.prettifyError(read.error)}`);
  return read.data;
}

/** Keeps a result for later runs to be compared with; returns the file's name. */
export async function store(result: RowResult, dir = resultsDir): Promise<string> {
  const name = nameOf(result);
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, name), `${onePointALine(JSON.stringify(result, null, 2))}\n`);
  return name;
}

/** An hour of points is thousands of lines, not tens of thousands. */
const onePointALine = (json: string): string => json.replace(/\[\s+([^\s,[\]{}]+),\s+([^\s,[\]{}]+)\s+\]/g, '[$1, $2]');
