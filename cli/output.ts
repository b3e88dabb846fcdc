import Table from 'cli-table3';

const noLines = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
};
const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0 };

/** Text of our own and of others is shown on a terminal: what would steer it is left out. */
export const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}]/gu, ' ');

/** Rows under their heads, without lines around them. */
export function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({ head: [...heads], chars: noLines, style });
  table.push(...rows.map((row) => row.map(plain)));
  return linesOf(table);
}

/** Names and values, one pair a line. */
export function pairsOf(pairs: readonly (readonly [name: string, value: string])[]): string {
  const table = new Table({ chars: noLines, style });
  table.push(...pairs.map(([name, value]) => [name, plain(value)]));
  return linesOf(table);
}

/** The table pads the last column too. */
const linesOf = (table: { toString(): string }): string =>
  `${table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')}\n`;

export const jsonOf = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** `2026-01-15 09:30:00Z`: in UTC, as logs and Temporal have it. */
export const timeOf = (iso: string): string => iso.replace('T', ' ').replace(/\.\d+Z$/, 'Z');

export const countOf = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
