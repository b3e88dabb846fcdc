import { Connection, isGrpcServiceError } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { laneWorkflowId } from '../../domain/lane.ts';
import { percentile } from '../read/percentile.ts';
import type { BenchStack } from '../stack/benchStack.ts';
import type { BenchDestination, LaneKind } from './destination.ts';

/** What a load cost in its lanes, as their histories tell: batching is what the road's speed hangs on. */
export type LaneWork = {
  runs: number;
  /** In all runs' histories together; those of segments are not counted. */
  historyEvents: number;
  signals: number;
  batches: number;
  workflowTasks: number;
  /** Workflow tasks that failed: a signal crossed a continue-as-new, for one. */
  failedTasks: number;
  /** Opened, as the lane took in more than it delivered. */
  segments: number;
  eventsPerSignal: number;
  eventsPerBatch: number;
  /** From a workflow task being due to a worker taking it, in ms. */
  taskWaitMs: { p50: number; p99: number };
  /** From then to its end. */
  taskMs: { p50: number; p99: number };
  /** From a produce activity being due to a worker taking it, in ms. */
  activityWaitMs: { p50: number; p99: number };
  /** From then to its end. */
  activityMs: { p50: number; p99: number };
};

/** The SDK's own setting of this lacks its prefix, so gRPC's 4 MiB would hold, which a page of history exceeds. */
const largeAnswers = { 'grpc.max_receive_message_length': 128 * 1024 * 1024 };

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

const msOf = ({ eventTime }: HistoryEvent): number =>
  Number(eventTime?.seconds ?? 0) * 1_000 + (eventTime?.nanos ?? 0) / 1e6;

type Kind = Pick<LaneKind, 'lanes' | 'keys'>;
type Destination = Pick<BenchDestination, 'id' | 'customerExternalId'>;

/** The lanes that a load over this destination used; none where each event had its own. */
export function lanesOf({ lanes, keys }: Kind, { customerExternalId }: Destination): string[] {
  if (keys === 'new') return [];
  return lanes === 'key' ? [customerExternalId] : Array.from({ length: lanes }, (_, n) => String(n));
}

async function runEvents(connection: Connection, namespace: string, workflowId: string, runId: string) {
  const events: HistoryEvent[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await connection.workflowService.getWorkflowExecutionHistory({
      namespace,
      execution: { workflowId, runId },
      ...(nextPageToken && { nextPageToken }),
    });
    events.push(...(page.history?.events ?? []));
    nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
  } while (nextPageToken);
  return events;
}

const grpcNotFound = 5;
const noneIfNeverUsed = (error: unknown): HistoryEvent[] => {
  if (isGrpcServiceError(error) && error.code === grpcNotFound) return [];
  throw error;
};

/** The histories of a lane's runs, the newest run first; none where no key fell into it. */
async function laneRuns(connection: Connection, namespace: string, workflowId: string): Promise<HistoryEvent[][]> {
  const runs: HistoryEvent[][] = [];
  let runId = '';
  do {
    const events = await runEvents(connection, namespace, workflowId, runId).catch(noneIfNeverUsed);
    if (events.length === 0) break;
    runs.push(events);
    runId = events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? '';
  } while (runId !== '');
  return runs;
}

class Tally {
  historyEvents = 0;
  signals = 0;
  batches = 0;
  workflowTasks = 0;
  failedTasks = 0;
  segments = 0;
  readonly taskWaitMs: number[] = [];
  readonly taskMs: number[] = [];
  readonly activityWaitMs: number[] = [];
  readonly activityMs: number[] = [];

  add(events: readonly HistoryEvent[]): void {
    const byId = new Map(events.map((event) => [String(event.eventId), event]));
    const since = (event: HistoryEvent, id: unknown): number => {
      const earlier = byId.get(String(id));
      return earlier ? msOf(event) - msOf(earlier) : Number.NaN;
    };
    this.historyEvents += events.length;
    for (const event of events) {
      const task = event.workflowTaskCompletedEventAttributes;
      const started = event.activityTaskStartedEventAttributes;
      const completed = event.activityTaskCompletedEventAttributes;
      if (event.workflowExecutionSignaledEventAttributes) this.signals++;
      if (event.workflowTaskFailedEventAttributes) this.failedTasks++;
      if (event.childWorkflowExecutionStartedEventAttributes) this.segments++;
      if (task) {
        this.workflowTasks++;
        const taken = byId.get(String(task.startedEventId));
        if (taken) this.taskWaitMs.push(since(taken, task.scheduledEventId));
        this.taskMs.push(since(event, task.startedEventId));
      }
      if (started) this.activityWaitMs.push(since(event, started.scheduledEventId));
      if (completed) {
        this.batches++;
        this.activityMs.push(since(event, completed.startedEventId));
      }
    }
  }
}

const summary = (values: readonly number[]) => {
  const known = Float64Array.from(values.filter(Number.isFinite));
  return { p50: percentile(known, 50), p99: percentile(known, 99) };
};

/** Reads the histories of the lanes that a load of so many events went through; undefined where each event had its own. */
export async function laneWork(
  stack: Pick<BenchStack, 'temporalAddress' | 'temporalNamespace'>,
  kind: Kind,
  destination: Destination,
  events: number,
): Promise<LaneWork | undefined> {
  const lanes = lanesOf(kind, destination);
  if (lanes.length === 0) return undefined;
  const connection = await Connection.connect({ address: stack.temporalAddress, channelArgs: largeAnswers });
  const tally = new Tally();
  let runs = 0;
  try {
    for (const lane of lanes) {
      const histories = await laneRuns(connection, stack.temporalNamespace, laneWorkflowId(destination.id, lane));
      runs += histories.length;
      for (const history of histories) tally.add(history);
    }
  } finally {
    await connection.close();
  }
  const { historyEvents, signals, batches, workflowTasks, failedTasks, segments } = tally;
  return {
    runs,
    historyEvents,
    signals,
    batches,
    workflowTasks,
    failedTasks,
    segments,
    eventsPerSignal: events / signals,
    eventsPerBatch: events / batches,
    taskWaitMs: summary(tally.taskWaitMs),
    taskMs: summary(tally.taskMs),
    activityWaitMs: summary(tally.activityWaitMs),
    activityMs: summary(tally.activityMs),
  };
}
