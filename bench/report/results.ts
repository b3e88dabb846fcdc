import type { BacklogResult } from '../parts/backlog.ts';
import type { BareSignalsResult } from '../parts/bareSignals.ts';
import type { DirectResult } from '../parts/directRoad.ts';
import type { KafkaAloneResult } from '../parts/kafkaAlone.ts';
import type { LatencyResult } from '../parts/latency.ts';
import type { OverloadResult } from '../parts/overload.ts';
import type { RoadResult } from '../parts/wholeRoad.ts';
import type { Run } from './run.ts';
import type { Target } from './targets.ts';

/** What a run of the bench found; a part that did not run is missing. */
export type Parts = {
  a?: KafkaAloneResult[];
  b?: BareSignalsResult[];
  c?: DirectResult[];
  d?: RoadResult[];
  e?: LatencyResult[];
  f?: OverloadResult[];
  backlog?: BacklogResult[];
};

export type Results = { run: Run; parts: Parts; targets: Target[] };
