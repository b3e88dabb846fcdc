/** The workflow of part (b): takes signals in and does nothing else. Deterministic code, bundled for the worker. */
import { condition, defineSignal, proxySinks, type Sinks, setHandler } from '@temporalio/workflow';

export interface DrainSinks extends Sinks {
  drained: { one(): void };
}

export const event = defineSignal<[string]>('event');
const { drained } = proxySinks<DrainSinks>();

export async function benchDrain(): Promise<void> {
  setHandler(event, () => drained.one());
  await condition(() => false); // Stays open, as a lane does; the bench ends it.
}
