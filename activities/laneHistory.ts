import type { Client } from '@temporalio/client';
import type { LoadedDataConverter, Payload, ProtoFailure } from '@temporalio/common';
import {
  decodeArrayFromPayloads,
  decodeOptionalFailureToOptionalError,
} from '@temporalio/common/lib/internal-non-workflow/index.js';
import proto from '@temporalio/proto';
import type { Outcome, ProduceRequest, Progress } from '../domain/attempt.ts';
import type { Block } from '../domain/block.ts';
import type { CarriedLane } from '../domain/carriedLane.ts';
import { type CarriedDedupWindow, carriesId } from '../domain/dedupWindow.ts';
import type { LaneRecord, RunningProduce } from '../domain/deliveryLog.ts';
import type { LaneStart } from '../domain/lane.ts';
import { laneSignals } from '../domain/laneMessages.ts';
import { blockFrom, resendNoteFrom, selectionFrom } from '../domain/laneSignals.ts';
import { type SegmentStart, segmentSignals, segmentWorkflowType } from '../domain/overflow.ts';
import { anyInput, unreadable } from '../domain/payloadConverter.ts';
import { BodyReads } from './bodyReads.ts';
import { endsAnother, type HistoryEvent, msOf, type Reset, resetIn } from './historyEvent.ts';
import { isNotFound } from './notFound.ts';
import { temporalSilent } from './temporalSilent.ts';

const pageSize = 1_000;
/** Where events are looked at one by one, so few are in memory at once. */
const smallPage = 200;
const produceActivity = 'produce';
const callTimeoutMs = 3_000;

export type LaneRun = {
  /** What the lane was started with; its blocks that the run before carried along. */
  start?: LaneStart | undefined;
  carriedBlocks?(): Promise<Block[]>;
  records: LaneRecord[];
  /** How many events its history had when it was read. */
  historyEvents: number;
  /** The run that this one continues, and the one that continues it. */
  previousRunId: string | undefined;
  nextRunId: string | undefined;
  /** Whether it was ended from outside, as a reset does with the run that is there. */
  isTerminated: boolean;
  /** The resets that made this run, the last one last. */
  resets: Reset[];
  /** So many of the records were copied from the run that was reset. */
  copiedRecords: number;
  /** Whether an earlier run took the event in: the lane carries the ids it has seen from run to run. */
  beganKnowing(digest: string): boolean;
};

export type LaneNow = {
  running: RunningProduce | undefined;
  state: string | undefined;
  runId?: string | undefined;
  /** Of the run, by now. */
  historyEvents?: number;
};

/** Reads lanes' histories out of Temporal. Temporal alone holds the log of deliveries. Throws `temporal_unavailable`. */
export class LaneHistories {
  private readonly converter: LoadedDataConverter;

  constructor(private readonly client: Client) {
    this.converter = client.options.loadedDataConverter;
  }

  /** What one run of a lane tells, or undefined where retention has deleted it. */
  async run(workflowId: string, runId: string): Promise<LaneRun | undefined> {
    const records: LaneRecord[] = [];
    let historyEvents = 0;
    let previousRunId: string | undefined;
    let nextRunId: string | undefined;
    let seen: CarriedDedupWindow | undefined;
    let start: LaneStart | undefined;
    let input: Payload[] = [];
    const resets: Reset[] = [];
    let isTerminated = false;
    let copiedRecords = 0;
    const batches = new Set<string>();
    const reads = new BodyReads(this);
    let nextPageToken: Uint8Array | undefined;
    do {
      const page = await this.page(workflowId, runId, nextPageToken);
      if (!page) return undefined;
      const events = page.history?.events ?? [];
      historyEvents += events.length;
      for (const event of events) {
        const { activityType } = event.activityTaskScheduledEventAttributes ?? {};
        if (activityType?.name === produceActivity) batches.add(String(event.eventId));
        await reads.note(event);
      }
      const read = await Promise.all(
        events.map((event) => (endsAnother(event, batches) ? reads.lostIn(event) : this.recordOf(runId, event))),
      );
      for (const [n, event] of events.entries()) {
        const record = read[n];
        if (record) records.push(record);
        const reset = resetIn(event);
        if (!reset) continue;
        resets.push(reset);
        copiedRecords = records.length;
      }
      const started = events[0]?.workflowExecutionStartedEventAttributes;
      if (started) {
        previousRunId = started.continuedExecutionRunId || undefined;
        input = started.input?.payloads ?? [];
        const [own, carried] = await this.decoded<[LaneStart?, CarriedLane?]>(input.slice(0, 2));
        start = own;
        seen = carried?.seen;
      }
      nextRunId = events.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? nextRunId;
      isTerminated = !!events.at(-1)?.workflowExecutionTerminatedEventAttributes;
      nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
    } while (nextPageToken);
    const beganKnowing = (digest: string): boolean => seen !== undefined && carriesId(seen, digest);
    return {
      start,
      carriedBlocks: () => this.decoded<Block[]>(input.slice(2)),
      records,
      historyEvents,
      previousRunId,
      nextRunId: nextRunId || undefined,
      isTerminated,
      resets,
      copiedRecords,
      beganKnowing,
    };
  }

  /**
   * Hands over the events of a run one after another, without keeping them: bodies are most of a history. Ends early where `use`
   * answers `'enough'`. False where there is no such run: retention has deleted it.
   */
  async eachEvent(workflowId: string, runId: string, use: (event: HistoryEvent) => Promise<unknown>): Promise<boolean> {
    let nextPageToken: Uint8Array | undefined;
    do {
      const page = await this.page(workflowId, runId, nextPageToken, smallPage);
      if (!page) return false;
      for (const event of page.history?.events ?? []) if ((await use(event)) === 'enough') return true;
      nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
    } while (nextPageToken);
    return true;
  }

  /** The run of the lane that read an overflow segment last; undefined while none has, or where the segment is gone. */
  async readerOf(segmentId: string): Promise<string | undefined> {
    let reader: string | undefined;
    let nextPageToken: Uint8Array | undefined;
    do {
      const page = await this.page(segmentId, undefined, nextPageToken);
      for (const { workflowExecutionSignaledEventAttributes: signal } of page?.history?.events ?? []) {
        if (signal?.signalName !== segmentSignals.read) continue;
        const [runId] = await this.decoded<[string?]>(signal.input?.payloads);
        reader = runId ?? reader;
      }
      nextPageToken = page?.nextPageToken?.length ? page.nextPageToken : undefined;
    } while (nextPageToken);
    return reader;
  }

  /** The run that the last reset of this one made; undefined where it was not reset. */
  async resetRunOf(workflowId: string, runId: string): Promise<string | undefined> {
    const described = await this.called(() =>
      this.client.workflowService.describeWorkflowExecution({
        namespace: this.namespace,
        execution: { workflowId, runId },
      }),
    );
    return described?.workflowExtendedInfo?.resetRunId || undefined;
  }

  /** The produce activity that runs in a lane now, and the lane's state as its search attributes show it. */
  async now(workflowId: string): Promise<LaneNow> {
    const execution = { workflowId };
    const described = await this.called(() =>
      this.client.workflowService.describeWorkflowExecution({ namespace: this.namespace, execution }),
    );
    if (!described) return { running: undefined, state: undefined };
    const info = described.workflowExecutionInfo;
    const stateText = info?.searchAttributes?.indexedFields?.DeliveryState?.data;
    const state = stateText ? String(JSON.parse(Buffer.from(stateText).toString())) : undefined;
    const pending = described.pendingActivities?.find(({ activityType }) => activityType?.name === produceActivity);
    const run = {
      runId: info?.execution?.runId ?? undefined,
      historyEvents: info?.historyLength?.toNumber() ?? 0,
    };
    if (!pending) return { running: undefined, state, ...run };
    const [progress] = await this.decoded<[Progress?]>(pending.heartbeatDetails?.payloads);
    const isStarted = pending.state === proto.temporal.api.enums.v1.PendingActivityState.PENDING_ACTIVITY_STATE_STARTED;
    const attempt = pending.attempt ?? 1;
    const scheduledAtMs = msOf(pending.scheduledTime);
    const nextAttemptAtMs = !isStarted && attempt > 1 ? scheduledAtMs : undefined;
    const activity = `${run.runId}/${pending.activityId}`;
    return { running: { activity, progress, attempt, scheduledAtMs, nextAttemptAtMs }, state, ...run };
  }

  private get namespace(): string {
    return this.client.options.namespace;
  }

  private async page(
    workflowId: string,
    runId: string | undefined,
    nextPageToken: Uint8Array | undefined,
    maximumPageSize = pageSize,
  ) {
    return await this.called(() =>
      this.client.workflowService.getWorkflowExecutionHistory({
        namespace: this.namespace,
        execution: { workflowId, runId: runId ?? '' },
        maximumPageSize,
        ...(nextPageToken ? { nextPageToken } : {}),
      }),
    );
  }

  /** Undefined where there is no such run. Throws `temporal_unavailable`. */
  private async called<T>(call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.client.connection.withDeadline(Date.now() + callTimeoutMs, call);
    } catch (cause) {
      if (isNotFound(cause)) return undefined;
      throw temporalSilent(cause);
    }
  }

  private async recordOf(runId: string, event: HistoryEvent): Promise<LaneRecord | undefined> {
    const atMs = msOf(event.eventTime);
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name === produceActivity) {
      const [, block] = await this.decoded<[ProduceRequest, Block?]>(scheduled.input?.payloads);
      const activity = `${runId}/${scheduled.activityId}`;
      return block ? { kind: 'scheduled', batch: `${runId}/${event.eventId}`, activity, atMs, block } : undefined;
    }
    const done = event.activityTaskCompletedEventAttributes;
    if (done) {
      const [outcome] = await this.decoded<[Outcome?]>(done.result?.payloads);
      return outcome ? { kind: 'completed', batch: `${runId}/${done.scheduledEventId}`, atMs, outcome } : undefined;
    }
    const failed = event.activityTaskFailedEventAttributes ?? event.activityTaskTimedOutEventAttributes;
    if (failed) {
      const message = (await this.messageOf(failed.failure)) ?? 'The produce activity failed.';
      const error = {
        kind: 'destinationAtFault' as const,
        name: 'UNFORESEEN',
        message,
        remedy: 'Report this, then replay.',
      };
      return { kind: 'broken', batch: `${runId}/${failed.scheduledEventId}`, atMs, error };
    }
    const child = event.startChildWorkflowExecutionInitiatedEventAttributes;
    if (child?.workflowId && child.workflowType?.name === segmentWorkflowType) {
      const [, ...blocks] = await this.decoded<[SegmentStart, ...Block[]]>(child.input?.payloads);
      return { kind: 'segmented', segmentId: child.workflowId, blocks };
    }
    return this.interventionOf(event, atMs);
  }

  private async interventionOf(event: HistoryEvent, atMs: number): Promise<LaneRecord | undefined> {
    const signal = event.workflowExecutionSignaledEventAttributes;
    const kind = signal?.signalName;
    if (kind !== laneSignals.replay && kind !== laneSignals.discard && kind !== laneSignals.resend) return undefined;
    const inputs = await this.signalInputs(signal?.input?.payloads);
    if (!inputs) return undefined; // As the lane does.
    const [input, about] = inputs;
    if (kind === laneSignals.resend) {
      const block = blockFrom(input);
      const note = resendNoteFrom(about);
      return block && note ? { kind: 'resent', atMs, note, block } : undefined;
    }
    const selected = selectionFrom(input, kind === 'replay' ? 'all' : 'nothing', about);
    return selected ? { kind, atMs, selected } : undefined;
  }

  /** What a signal carried, which may have come by hand; undefined where nobody can read it. */
  async signalInputs(payloads: Payload[] | null | undefined): Promise<unknown[] | undefined> {
    const { inputTypes } = anyInput;
    const inputs: unknown[] = await decodeArrayFromPayloads(this.converter, payloads, undefined, inputTypes);
    return inputs.includes(unreadable) ? undefined : inputs;
  }

  /** What a failure says, which may be encrypted; undefined where there is none. */
  async messageOf(failure: ProtoFailure | null | undefined): Promise<string | undefined> {
    return (await decodeOptionalFailureToOptionalError(this.converter, failure))?.message;
  }

  /** The caller's types have to be those of our own workflows' signatures. */
  async decoded<T extends unknown[]>(payloads: Payload[] | null | undefined): Promise<T> {
    // The types are those of our own workflow's signatures.
    return (await decodeArrayFromPayloads(this.converter, payloads ?? [])) as T;
  }
}
