import { backlogDrained } from './backlogRow.ts';
import { cpuPerEvent, historyEvents, newKeyEach } from './cost.ts';
import type { Row } from './row.ts';
import { soak } from './soak.ts';
import { latencyLinger0, latencyLinger100, slowestPost } from './steady.ts';
import { batchesFourLanes, singles64Lanes, singles512Lanes } from './throughput.ts';

/** The rows of issue 6's table of figures, in its order. */
export const rows: readonly Row[] = [
  batchesFourLanes,
  singles512Lanes,
  singles64Lanes,
  newKeyEach,
  latencyLinger0,
  latencyLinger100,
  slowestPost,
  historyEvents,
  cpuPerEvent,
  backlogDrained,
  soak,
];
