import type { Attempt } from '../domain/attempt.ts';
import type { TrafficMeter } from '../domain/traffic.ts';

/** What the worker counts of its deliveries; worker/metrics.ts shows it. */
export type DeliveryMeter = {
  /** An attempt to produce is over, or turned out to be lost. */
  attempted(outcome: Attempt['outcome']): void;
  delivered(records: number): void;
  /** A record was refused for good. */
  parked(): void;
  /** A batch began nothing, and is to wait in the places for slow destinations. */
  steppedAside(): void;
  /** An error was met, by its name in the failure table or one that no table has. */
  met(errorName: string): void;
};

export const noMeter: DeliveryMeter = {
  attempted: () => {},
  delivered: () => {},
  parked: () => {},
  steppedAside: () => {},
  met: () => {},
};

/** The meter for one destination, whose sums are kept too. */
export const countedFor = (destinationId: string, meter: DeliveryMeter, traffic: TrafficMeter): DeliveryMeter => ({
  attempted: (outcome) => {
    meter.attempted(outcome);
    if (outcome !== 'delivered') traffic.add(destinationId, { failedTries: 1 });
  },
  delivered: (records) => {
    meter.delivered(records);
    traffic.add(destinationId, { delivered: records });
  },
  parked: () => {
    meter.parked();
    traffic.add(destinationId, { parked: 1 });
  },
  steppedAside: () => meter.steppedAside(),
  met: (errorName) => meter.met(errorName),
});
