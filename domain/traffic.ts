/** What is counted of a destination's events, for pages that show how it goes. */
export type Traffic = {
  /** Events that were answered 202 for it; one that is sent again counts again. */
  accepted: number;
  /** Records that its broker has confirmed; one that is sent again counts again. */
  delivered: number;
  parked: number;
  /** Tries to produce a batch that failed, in part or as a whole, or of which nobody knows. */
  failedTries: number;
};
export const noTraffic: Traffic = { accepted: 0, delivered: 0, parked: 0, failedTries: 0 };

/** Takes counts in: costs an addition, and never fails. */
export type TrafficMeter = { add(destinationId: string, counts: Partial<Traffic>): void };

/** Takes the type of each accepted event in. */
export type EventTypeMeter = { accepted(customerExternalId: string, eventType: string): void };

/** For who counts nothing. */
export const noTrafficMeter: TrafficMeter & EventTypeMeter = { add: () => {}, accepted: () => {} };
