import type { Context } from '../parts/context.ts';

/** What a row measures; a ratio is always to a limit of the same run. */
export type Figure = {
  name: string;
  value: number;
  unit: string;
  /** What the issue wants of it; absent for what only explains the others. */
  target?: { atLeast: number } | { atMost: number };
};

/** Values over time, for the plot. */
export type Series = { name: string; unit: string; points: [atS: number, value: number][] };

export type Measured = { figures: Figure[]; series?: Series[]; notes?: string[] };

export type RowOptions = {
  /** Where a row lasts for a time of its own: how long, in minutes. */
  minutes: number | undefined;
};

export type Row = {
  name: string;
  what: string;
  run(context: Context, options: RowOptions): Promise<Measured>;
};

export const atLeast = (least: number) => ({ target: { atLeast: least } });
export const atMost = (most: number) => ({ target: { atMost: most } });

/** Undefined where nothing is wanted of the figure, or it could not be taken. */
export function isMet({ value, target }: Figure): boolean | undefined {
  if (!target || Number.isNaN(value)) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}
