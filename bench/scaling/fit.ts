import type { Counted, CpuCosts } from './costModel.ts';

/** A load that was run: what was counted of it, and the CPU of API, worker and Temporal together, in ms. */
export type Load = Counted & { name: string; cpuMs: number };

const fields = ['events', 'posts', 'signals', 'batches', 'seconds'] as const;
const rounds = 100_000;

/**
 * The costs, none of them negative, with which the loads' CPU is told best, each load's error counting as a share of it (least squares,
 * one cost after the other until they stay).
 */
export function fitted(loads: readonly Load[]): CpuCosts {
  const costs = fields.map(() => 0);
  const shares = loads.map((load) => fields.map((field) => load[field] / load.cpuMs));
  for (let round = 0; round < rounds; round++) {
    for (const at of fields.keys()) {
      let [over, under] = [0, 0];
      for (const share of shares) {
        const own = share[at] ?? 0;
        const others = share.reduce((sum, value, n) => (n === at ? sum : sum + value * (costs[n] ?? 0)), 0);
        over += (1 - others) * own;
        under += own * own;
      }
      costs[at] = under === 0 ? 0 : Math.max(0, over / under);
    }
  }
  const [event = 0, post = 0, signal = 0, batch = 0, second = 0] = costs;
  return { event, post, signal, batch, second };
}
