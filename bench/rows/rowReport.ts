import { type Figure, isMet } from './row.ts';
import type { RowResult, StoredRow } from './stored.ts';

const shown = (value: number | null | undefined): string => {
  if (value === undefined || value === null || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return size >= 100 || Number.isInteger(value)
    ? Math.round(value).toLocaleString('en-US')
    : value.toFixed(size < 10 ? 3 : 1);
};

const wanted = ({ target }: Figure): string =>
  target === undefined ? '' : 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;

/** By how much a figure is more or less than before, in its unit and in percent. */
export function differenceOf(now: number, before: number | null | undefined): string {
  if (before === undefined || before === null || !Number.isFinite(now)) return '';
  const difference = now - before;
  const sign = difference < 0 ? '−' : '+';
  const percent = before === 0 ? '' : ` (${sign}${Math.abs((100 * difference) / before).toFixed(0)} %)`;
  return `${sign}${shown(Math.abs(difference))}${percent}`;
}

const verdict = (figure: Figure): string => {
  const met = isMet(figure);
  return met === undefined ? '' : met ? 'met' : 'missed';
};

/** A row as a table that a terminal and a page both show. */
export function rowMarkdown(
  what: string,
  { row, run, figures, notes = [] }: RowResult,
  last: StoredRow | undefined,
): string {
  const before = new Map(last?.figures.map(({ name, value }) => [name, value]));
  const lines = figures.map((figure) => {
    const { name, value, unit } = figure;
    const known = before.get(name);
    const cells = [`${name}${unit === '' ? '' : `, ${unit}`}`, wanted(figure), shown(value), verdict(figure)];
    return [...cells, shown(known), differenceOf(value, known)].join(' | ');
  });
  const compared = last
    ? `Before: ${last.run.startedAt}, commit ${last.run.commit}${last.run.isQuick ? ', quick' : ''}.`
    : 'No earlier result is stored.';
  const taken = [
    `${run.startedAt}, commit ${run.commit}, ${run.cores} × ${run.cpu}, load before ${run.loadBefore}`,
    ...(run.isQuick ? ['quick'] : []),
    ...(run.isCalm ? ['calm'] : []),
  ].join('; ');
  return [
    `### ${row}`,
    `${what}. ${taken}. ${compared}${notes.map((note) => ` ${note}`).join('')}`,
    [
      '| figure | wanted | measured | | before | difference |',
      '| --- | --- | --- | --- | --- | --- |',
      ...lines.map((line) => `| ${line} |`),
    ].join('\n'),
  ].join('\n\n');
}
