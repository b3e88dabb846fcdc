import type { Attempt } from '../domain/attempt.ts';

/** What the worker counts of its deliveries; worker/metrics.ts shows it. */
export type DeliveryMeter = {
  /** An attempt to produce is over, or turned out to be lost. */
  attempted(outcome: Attempt['outcome']): void;
  delivered(records: number): void;
  /** An error was met, by its name in the failure table or one that no table has. */
  met(errorName: string): void;
};

export const noMeter: DeliveryMeter = { attempted: () => {}, delivered: () => {}, met: () => {} };
