/** Makes events of the operator's out of what became of customers' events, by the API: Causeway's own road. */
import { Context } from '@temporalio/activity';
import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import type { Logger } from 'pino';
import { eventBytesMaxLeast } from '../domain/event.ts';
import { fitted } from '../domain/fittedOutcome.ts';
import {
  type ExportedOutcome,
  exportedEvents,
  exportTaskQueue,
  heldOutcomesId,
  heldOutcomesWorkflowType,
  type Outcomes,
  outcomeCount,
} from '../domain/outcomes.ts';
import type { ExportMeter } from './exportMeter.ts';

/** Where outcomes go: to the destinations of this customer, over this API with this key. */
export type ExportSettings = { customerExternalId: string; apiUrl: string; apiKey: string };

export type ExportDependencies = {
  /** Undefined where nothing is exported: what an earlier worker left is held then. */
  settings: ExportSettings | undefined;
  temporal: Client;
  taskQueue: string;
  logger: Logger;
  meter: ExportMeter;
};

export type ExportActivity = {
  handOver(outcomes: Outcomes): Promise<void>;
  exportOutcomes(outcomes: Outcomes): Promise<void>;
};

/** One POST carries so many events. */
const perPost = 500;
/** A lane waits no longer for the API than this, in ms; then a workflow holds its outcomes. */
const handOverMsMax = 4_000;
const exportMsMax = 45_000;
/** While the API takes none nobody asks it for so long, in ms, but those that hold outcomes. */
const failingForMs = 10_000;
/** A lane with few outcomes gives them so far apart, in ms: what comes meanwhile costs no activity of its own. */
const spacingMs = { well: 1_000, failing: 5_000 } as const;
const few = 1_000;

export function createExportActivities({
  settings,
  temporal,
  taskQueue,
  logger,
  meter,
}: ExportDependencies): ExportActivity {
  let failingUntilMs = 0;
  const post = async (outcomes: Outcomes, withinMs: number): Promise<void> => {
    if (!settings) throw refused('EXPORT_NOT_CONFIGURED', 'This worker has no CAUSEWAY_EXPORT_CUSTOMER.');
    const signal = AbortSignal.timeout(withinMs);
    const events = exportedEvents(outcomes, settings.customerExternalId);
    try {
      for (let at = 0; at < events.length; at += perPost) {
        await postBatch(settings, events.slice(at, at + perPost), signal);
      }
    } catch (error) {
      failingUntilMs = Date.now() + failingForMs;
      throw error;
    }
    failingUntilMs = 0;
    meter.exported(events.length);
  };
  const hold = async (outcomes: Outcomes): Promise<void> => {
    const { activityId, workflowExecution } = Context.current().info;
    await temporal.workflow.start(heldOutcomesWorkflowType, {
      workflowId: heldOutcomesId(outcomes, workflowExecution?.runId ?? '', activityId),
      // An attempt that died may have started it, and it may be over by now.
      workflowIdConflictPolicy: 'USE_EXISTING',
      taskQueue: exportTaskQueue(taskQueue),
      args: [outcomes],
    });
    meter.held(outcomeCount(outcomes.groups));
  };
  return {
    async handOver(outcomes) {
      const isFailing = Date.now() < failingUntilMs;
      const isPosted = !isFailing && (await post(outcomes, handOverMsMax).then(() => true, reported(logger)));
      if (!isPosted) await hold(outcomes);
      if (outcomeCount(outcomes.groups) >= few) return;
      await Context.current()
        .sleep(isPosted ? spacingMs.well : spacingMs.failing)
        .catch(() => undefined); // A worker that stops need not wait.
    },
    exportOutcomes: (outcomes) => post(outcomes, exportMsMax),
  };
}

const reported =
  (logger: Logger) =>
  (error: unknown): false => {
    // What fetch itself says is only that it failed.
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    const why = error instanceof Error ? `${error.message}${cause}` : String(error);
    logger.error({ why }, 'outcomes can not be exported: workflows hold them until they can');
    return false;
  };

/** Throws unless every event is stored for at least one destination. One that is too large for the API is shortened. */
async function postBatch(
  settings: ExportSettings,
  events: readonly ExportedOutcome[],
  signal: AbortSignal,
): Promise<void> {
  const answered = await resultsOf(settings, events, signal);
  const isTooLarge = (result: unknown): boolean => isObject(result) && result.code === 'event_too_large';
  const tooLarge = events.filter((_, n) => isTooLarge(answered[n]));
  // How much it takes it does not say in a way for programs: what always fits.
  const shorter = tooLarge.map((event) => fitted(event, eventBytesMaxLeast));
  const again = shorter.length === 0 ? [] : await resultsOf(settings, shorter, signal);
  const results = [...answered.filter((result) => !isTooLarge(result)), ...again];
  const failed = results.find((result) => !isObject(result) || result.status !== 202);
  if (failed !== undefined) throw refused('EXPORT_REFUSED', `The API did not take an outcome: ${textOf(failed)}.`);
  const isKept = (result: unknown): boolean =>
    isObject(result) && Array.isArray(result.deliveries) && result.deliveries.length > 0;
  if (results.every(isKept)) return;
  const why =
    "No enabled destination of the customer in CAUSEWAY_EXPORT_CUSTOMER takes the event type 'causeway.delivery.*'.";
  throw refused('EXPORT_WITHOUT_DESTINATION', why);
}

/** What the API answers for each event. */
async function resultsOf(
  { apiUrl, apiKey }: ExportSettings,
  events: readonly ExportedOutcome[],
  signal: AbortSignal,
): Promise<unknown[]> {
  const response = await fetch(`${apiUrl}/v1/events/batch`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(events),
    redirect: 'error',
    signal,
  });
  const answer: unknown = await response.json().catch(() => undefined);
  const results = isObject(answer) && Array.isArray(answer.results) ? (answer.results as unknown[]) : [];
  if (results.length !== events.length) {
    throw refused('EXPORT_REFUSED', `The API answered ${response.status} ${textOf(answer)}.`);
  }
  return results;
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
/** The API's own words, which hold no secret. */
const textOf = (answer: unknown): string =>
  isObject(answer) ? `${String(answer.code)}: ${String(answer.detail)}`.slice(0, 500) : 'with something else than JSON';
const refused = (type: string, message: string): ApplicationFailure => ApplicationFailure.create({ type, message });
