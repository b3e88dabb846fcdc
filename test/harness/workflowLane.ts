/** A lane workflow on the time-skipping server, with a produce activity of the test's own. */
import { randomUUID } from 'node:crypto';
import { blockSender } from '../../api/laneSignal.ts';
import type { Failed, Outcome, ProduceRequest } from '../../domain/attempt.ts';
import { type Block, blockOf, deliveriesOf } from '../../domain/block.ts';
import { defaultLaneLimits, type LaneLimits, laneWorkflowId } from '../../domain/lane.ts';
import { type LaneStatus, laneQueries, type ParkedEvent } from '../../domain/laneMessages.ts';
import { ask, type TimeSkipping } from './timeSkipping.ts';

const tooLarge: Failed = {
  kind: 'recordAtFault',
  name: 'MESSAGE_TOO_LARGE',
  message: 'too large',
  remedy: 'Raise it.',
};

export const idOf = (n: number): string => String(n).padStart(22, '0');
const blockWith = (ns: readonly number[], quietMs = 100): Block =>
  blockOf(
    ns.map((n) => ({ id: idOf(n), key: `k${n % 3}`, value: new TextEncoder().encode(`{"n":${n}}`) })),
    Date.now(),
    quietMs,
  );

/** All of a batch landed, but for the positions that are refused. */
export function answer(block: Block, isRefused: (n: number) => boolean = () => false): Outcome {
  const positions = block.entries.map((_, position) => position);
  const numberAt = (position: number): number => Number(block.entries[position]?.id);
  const landed = positions.filter((position) => !isRefused(numberAt(position)));
  return {
    onDeadLetter: 'continue',
    attempts: [{ number: 1, startedAtMs: Date.now(), durationMs: 1, outcome: 'delivered', brokers: ['b:1'] }],
    landed: [{ partition: 0, broker: 'b:1', attempt: 1, positions: landed, offsets: landed }],
    refused: positions
      .filter((p) => isRefused(numberAt(p)))
      .map((position) => ({ position, attempt: 1, error: tooLarge })),
  };
}

export const numbersIn = (block: Block): number[] =>
  deliveriesOf(block).map(({ value }) => JSON.parse(new TextDecoder().decode(value)).n);

/** A produce activity that delivers all but the numbers that are refused, and what it was sent, in order. */
export function noting(isRefused?: (n: number) => boolean): { sent: number[]; produce: (block: Block) => Outcome } {
  const sent: number[] = [];
  const produce = (block: Block): Outcome => {
    sent.push(...numbersIn(block));
    return answer(block, isRefused);
  };
  return { sent, produce };
}

function newLane(server: TimeSkipping, taskQueue: string, limits: LaneLimits) {
  const destinationId = `dst_${randomUUID()}`;
  const workflowId = laneWorkflowId(destinationId, 'k');
  const start = { destinationId, customerExternalId: 'c', lane: 'k', limits };
  const send = blockSender(server.env.client, taskQueue);
  const handle = server.env.client.workflow.getHandle(workflowId);
  return {
    handle,
    enqueue: (ns: readonly number[], quietMs = 100) => send({ workflowId, lingerMs: 0, start }, blockWith(ns, quietMs)),
    status: () => ask<LaneStatus>(server, handle, laneQueries.status),
    deadLetters: () => ask<ParkedEvent[]>(server, handle, laneQueries.deadLetters),
  };
}

/** Runs a lane with this produce activity while `use` works with it. */
export async function withLane(
  server: TimeSkipping,
  produce: (block: Block, attempt: number, request: ProduceRequest) => Outcome | Promise<Outcome>,
  use: (lane: ReturnType<typeof newLane>) => Promise<void>,
  limits: Partial<LaneLimits> = {},
): Promise<void> {
  const taskQueue = randomUUID();
  let attempts = 0;
  const worker = await server.workflowWorker(taskQueue, {
    activities: { produce: (request: ProduceRequest, block: Block) => produce(block, ++attempts, request) },
  });
  const lane = newLane(server, taskQueue, { ...defaultLaneLimits, ...limits });
  await worker.runUntil(async () => {
    try {
      await use(lane);
    } finally {
      await lane.handle.terminate('the test is over').catch(() => undefined);
    }
  });
}
