/** What is asked of a replay's workflow, and by whom. */
import { type Client, WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client';
import { createMiddleware } from 'hono/factory';
import { CausewayError } from '../domain/error.ts';
import { replayWorkflowId } from '../domain/replay.ts';
import { isReplayId } from '../domain/replayId.ts';
import type { AppEnv } from './appEnv.ts';

type OfTemporal = { temporal: Client };

export const replayCallTimeoutMs = 5_000;

/** What a replay's workflow keeps of the requests that began it, and that continued it last, by their digests. */
export type Memos = {
  began?: string | undefined;
  continuedBy?: string | undefined;
  /** Whose events they are, where that was known: what a portal link goes by. */
  customerExternalId?: string | undefined;
  /** A portal link began it, or continued it last. */
  viaPortal?: true | undefined;
};
export const memosOf = (memo: Memos | undefined): Memos => memo ?? {};

export const isUnderWay = ({ name }: { name: string }): boolean => name === 'RUNNING' || name === 'CONTINUED_AS_NEW';

/** Before any handler: a portal link sees the replays that are known to be its customer's. Throws `replay_not_found`. */
export const replayWall = (options: OfTemporal) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const { portal } = c.var;
    const id = c.req.param('id') ?? '';
    if (portal) {
      if (!isReplayId(id)) throw replayNotFound();
      const handle = options.temporal.workflow.getHandle(replayWorkflowId(id));
      const { memo } = await asked(options, () => handle.describe());
      if (memosOf(memo).customerExternalId !== portal.customerExternalId) throw replayNotFound();
    }
    await next();
  });

/** Throws `replay_not_found` or `temporal_unavailable`; that it runs already is for the caller. */
export async function asked<T>({ temporal }: OfTemporal, call: () => Promise<T>): Promise<T> {
  try {
    return await temporal.connection.withDeadline(Date.now() + replayCallTimeoutMs, call);
  } catch (cause) {
    if (cause instanceof WorkflowExecutionAlreadyStartedError) throw cause;
    if (cause instanceof WorkflowNotFoundError) {
      throw replayNotFound();
    }
    throw new CausewayError(
      'temporal_unavailable',
      'Temporal did not answer. Send the same request again after a second.',
      {
        cause,
      },
    );
  }
}

const replayNotFound = (): CausewayError =>
  new CausewayError('replay_not_found', 'No replay has this id, or it is over and its history is deleted.');
