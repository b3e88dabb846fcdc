import { batches, singles512 } from '../load/loads.ts';
import type { RoundResult } from '../load/round.ts';
import type { BareSignalsResult } from '../parts/bareSignals.ts';
import { defaultLingerMs } from '../parts/latency.ts';
import { fourLanes, type LaneKind, newKeys, oneLane } from '../road/destination.ts';
import { ratioToDirect } from './ratios.ts';
import type { Parts } from './results.ts';

export type Target = {
  what: string;
  wanted: string;
  /** Undefined where the parts that it needs did not run. */
  measured: number | undefined;
  isMet: boolean | undefined;
};

const atLeast = (what: string, least: number, measured: number | undefined): Target => ({
  what,
  wanted: `≥ ${least}`,
  measured,
  isMet: measured === undefined ? undefined : measured >= least,
});

const below = (what: string, bound: number, unit: string, measured: number | undefined): Target => ({
  what,
  wanted: `< ${bound} ${unit}`.trim(),
  measured,
  isMet: measured === undefined ? undefined : measured < bound,
});

/** What the road is to reach, as the issue sets it. */
export function targetsOf(parts: Parts): Target[] {
  const direct = (loadId: string, lanes: LaneKind) => {
    const result = parts.d?.find(({ load, lanes: kind }) => load.id === loadId && kind.id === lanes.id);
    return result && ratioToDirect(result, parts);
  };
  // Two readings of the same target: the road, too, is measured until the last event is through, as "drained" is.
  const ofNewKeys = parts.d?.find(({ lanes }) => lanes.id === newKeys.id);
  const toNew = parts.b?.find(({ workflows }) => workflows === 'new');
  const newKeysTo = (rate: (bare: BareSignalsResult) => number) =>
    ofNewKeys && toNew && ofNewKeys.round.eventsPerSecond / rate(toNew);
  const steady = parts.e?.find(
    ({ eventsPerSecond, lingerMs }) => eventsPerSecond === 50 && lingerMs === defaultLingerMs,
  );
  const pushed = (count: (round: RoundResult) => number) => parts.f?.reduce((sum, { round }) => sum + count(round), 0);
  return [
    atLeast('(d) batches over one lane, as a share of (c)', 0.4, direct(batches.id, oneLane)),
    atLeast('(d) batches over 4 lanes, as a share of (c)', 0.4, direct(batches.id, fourLanes)),
    atLeast(
      '(d) single POSTs at 512 connections over one lane, as a share of (c)',
      0.5,
      direct(singles512.id, oneLane),
    ),
    atLeast(
      '(d) a new key each, as a share of (b) stored in new workflows',
      0.3,
      newKeysTo(({ storedPerSecond }) => storedPerSecond),
    ),
    atLeast(
      '(d) a new key each, as a share of (b) drained by new workflows',
      0.3,
      newKeysTo(({ drainedPerSecond }) => drainedPerSecond),
    ),
    below(`(e) p99 at 50 events/s, linger ${defaultLingerMs} ms`, 300, 'ms', steady?.round.latencyMs.p99),
    below(
      '(f) events lost, doubled or out of order',
      1,
      '',
      pushed(({ lost, stillComing, duplicated, outOfOrder }) => lost + stillComing + duplicated + outOfOrder),
    ),
    below(
      '(f) events whose POST got no answer, or one that leaves it open',
      1,
      '',
      pushed(({ unclear }) => unclear),
    ),
  ];
}
