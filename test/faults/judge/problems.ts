import type { Fault } from '../fault.ts';
import type { FaultResult } from '../runFault.ts';

type Result = Omit<FaultResult, 'problems'>;

/** What of the result should not be, in words: something lost, or in the wrong place, or a fault that did no harm. */
export function problemsOf(result: Result, { effect }: Pick<Fault, 'effect'>): string[] {
  const unexplained = result.duplicated - result.explained;
  const counts: [number, string][] = [
    [result.lost, 'lost'],
    [result.outOfOrder, 'out of order'],
    [result.lateWrites, 'written late, behind newer records of their key'],
    [unexplained, 'there twice without an attempt of unknown outcome'],
    [result.unanswered, 'without a clear answer'],
    [result.fault === 'none' ? result.duplicated : 0, 'there twice without any fault'],
  ];
  const wrong = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const missing = effect?.(result);
  return missing === undefined ? wrong : [...wrong, `nothing is proven, for ${missing}`];
}

/** The times that lanes went on later than the fault's bound says. For a machine that has nothing else to do. */
export const latenessOf = ({ rounds }: Result, { goesOn }: Pick<Fault, 'goesOn'>): string[] =>
  rounds.flatMap(({ goesOnMs }, n) =>
    goesOnMs > goesOn.withinMs
      ? [
          `round ${n + 1}: lanes went on after ${(goesOnMs / 1_000).toFixed(1)} s, which is over ${goesOn.withinMs / 1_000} s`,
        ]
      : [],
  );
