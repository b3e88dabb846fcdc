import type { Series } from './row.ts';

export type Sampled = { name: string; unit: string; of: () => Promise<number> };

/** Takes values every so often, from now until it is ended; what can't be taken is left out. */
export class Sampling {
  readonly series: Series[];
  private readonly startedAtMs = performance.now();
  private isOver = false;
  private readonly running: Promise<void>;

  constructor(
    private readonly sampled: readonly Sampled[],
    private readonly everyMs: number,
  ) {
    this.series = sampled.map(({ name, unit }) => ({ name, unit, points: [] }));
    this.running = this.run();
  }

  async end(): Promise<Series[]> {
    this.isOver = true;
    await this.running;
    return this.series;
  }

  private async run(): Promise<void> {
    while (!this.isOver) {
      const atS = (performance.now() - this.startedAtMs) / 1_000;
      await Promise.all(
        this.sampled.map(async ({ of }, n) => {
          const value = await of().catch(() => Number.NaN);
          if (Number.isFinite(value)) this.series[n]?.points.push([atS, value]);
        }),
      );
      for (const endsAtMs = performance.now() + this.everyMs; !this.isOver && performance.now() < endsAtMs; )
        await new Promise((resolve) => setTimeout(resolve, Math.min(this.everyMs, 250)));
    }
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * By how much the last third of a series lies above its second third, as a share of that; NaN of fewer than nine points. The first third
 * is not looked at: a process fills its caches then.
 */
export function growthOf({ points }: Pick<Series, 'points'>): number {
  const third = Math.floor(points.length / 3);
  if (third < 3) return Number.NaN;
  const values = points.map(([, value]) => value);
  return mean(values.slice(2 * third)) / mean(values.slice(third, 2 * third)) - 1;
}
