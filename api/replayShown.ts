/** How far a replay is, as its workflow says. */
import { type Client, WorkflowFailedError } from '@temporalio/client';
import {
  discardWorkflowType,
  type ReplayAction,
  type ReplayProgress,
  type ReplayStart,
  type ReplayState,
  replayQueries,
  replayWorkflowId,
  replayWorkflowType,
} from '../domain/replay.ts';
import { asked, isUnderWay, replayCallTimeoutMs } from './replayAsked.ts';
import type { Replay } from './schemas/replays.ts';

type ToTemporal = { temporal: Client };

export const replayTypes = { replay: replayWorkflowType, discard: discardWorkflowType } as const;
export const actionOf = (workflowType: string): ReplayAction =>
  workflowType === discardWorkflowType ? 'discard' : 'replay';

/** Our own workflow's. */
type Ended = ReplayProgress & { rest?: { start: ReplayStart; state: ReplayState } };
export const resultOf = async (options: ToTemporal, id: string): Promise<Ended> =>
  (await asked(options, () => options.temporal.workflow.getHandle(replayWorkflowId(id)).result())) as Ended;

/** In the workflow's own words where it has some, as for an input that was begun by hand. */
async function whyFailed({ temporal }: ToTemporal, id: string, status: string): Promise<string> {
  const outside = `It was ended from outside (${status.toLowerCase()}).`;
  if (status !== 'FAILED') return outside;
  const ended = temporal.connection.withDeadline(Date.now() + replayCallTimeoutMs, () =>
    temporal.workflow.getHandle(replayWorkflowId(id)).result(),
  );
  return await ended.then(
    () => outside,
    (error: unknown) => (error instanceof WorkflowFailedError ? (error.cause?.message ?? outside) : outside),
  );
}

/** How far it is. Throws `replay_not_found` or `temporal_unavailable`. */
export async function shown(options: ToTemporal, id: string): Promise<Replay> {
  const handle = options.temporal.workflow.getHandle(replayWorkflowId(id));
  const { status, type } = await asked(options, () => handle.describe());
  const action = actionOf(type);
  if (status.name === 'COMPLETED') {
    const { rest: _, ...progress } = await resultOf(options, id);
    return { id, action, ...progress };
  }
  if (!isUnderWay(status)) return { id, action, status: 'failed', why: await whyFailed(options, id, status.name) };
  const progress = await asked(options, () => handle.query<ReplayProgress>(replayQueries.progress)).catch(
    () => undefined,
  );
  return { id, action, status: 'running', ...progress };
}
