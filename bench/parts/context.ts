import type { Child } from '../child/child.ts';
import type { SenderMethods } from '../load/sender.ts';
import type { ReaderMethods } from '../read/reader.ts';
import type { BenchStack } from '../stack/benchStack.ts';

/** How long things last. */
export type Durations = {
  /** A measured load. */
  loadS: number;
  warmUpS: number;
  /** The latency part, by events a second. */
  latencyS: Readonly<Record<number, number>>;
  overloadS: number;
  backlogEvents: number;
};

export const fullDurations: Durations = {
  loadS: 10,
  warmUpS: 3,
  latencyS: { 10: 20, 50: 40 },
  overloadS: 60,
  backlogEvents: 1_000_000,
};
export const quickDurations: Durations = {
  loadS: 3,
  warmUpS: 1,
  latencyS: { 10: 5, 50: 10 },
  overloadS: 10,
  backlogEvents: 100_000,
};

/** What every part works with. */
export type Context = {
  stack: BenchStack;
  sender: Child<SenderMethods>;
  reader: Child<ReaderMethods>;
  durations: Durations;
  /** A folder for CPU profiles. */
  profile: string | undefined;
  /** Whether to wait for others to leave the machine alone, and to repeat a load during which they did not. */
  isCalm: boolean;
  /** Whether a load of this name is wanted. */
  wants(name: string): boolean;
};
