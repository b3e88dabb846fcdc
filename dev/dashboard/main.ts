/** `npm run dashboard:build` */
import { buildDashboard } from './build.ts';

const kB = (bytes: number): string => `${(bytes / 1_000).toFixed(1).padStart(7)} kB`;

const files = (await buildDashboard()).filter(({ name }) => !name.endsWith('.txt'));
for (const { name, bytes, gzipBytes, isFirst } of files.toSorted((a, b) => b.gzipBytes - a.gzipBytes)) {
  console.log(`${kB(bytes)} ${kB(gzipBytes)} compressed  ${isFirst ? 'first load ' : '           '} ${name}`);
}
const scripts = files.filter(({ name, isFirst }) => isFirst && name.endsWith('.js'));
console.log(
  `First load: ${kB(scripts.reduce((sum, { gzipBytes }) => sum + gzipBytes, 0))} of script, compressed by gzip.`,
);
