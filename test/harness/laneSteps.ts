/** What unit tests of a lane's state do with it. */
import type { Failed, Outcome } from '../../domain/attempt.ts';
import type { Block } from '../../domain/block.ts';
import { carried, restored } from '../../domain/carriedLane.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import type { LaneState } from '../../domain/laneState.ts';

/** The digest in an event's id, by its number. */
export const idOf = (n: number): string => String(n).padStart(22, '0');

export const fault: Failed = {
  kind: 'recordAtFault',
  name: 'MESSAGE_TOO_LARGE',
  message: 'too large',
  remedy: 'Raise it.',
};
export const everything = { digests: 'all' as const, reason: undefined, by: undefined };

/** The lane in its next run. */
export const renewed = (state: LaneState): LaneState => {
  const [head, ...blocks] = carried(state, 1_000);
  return restored(defaultLaneLimits, JSON.parse(JSON.stringify(head)), blocks);
};

/** What Kafka would do with a batch in which some are refused, or the destination is found at fault half way. */
export function produced(
  sent: Block,
  isPoison: (n: number) => boolean,
  isStopped: boolean,
  mode: 'continue' | 'block',
) {
  const outcome: Outcome = { onDeadLetter: mode, attempts: [], landed: [], refused: [] };
  const stopped = new Set<string>();
  const landed: number[] = [];
  const last = isStopped ? Math.floor(sent.entries.length / 2) : sent.entries.length;
  sent.entries.slice(0, last).forEach(({ id, key }, position) => {
    if (stopped.has(key)) return;
    if (isPoison(Number(id))) {
      outcome.refused.push({ position, attempt: 1, error: fault });
      if (mode === 'block') stopped.add(key);
    } else landed.push(position);
  });
  outcome.landed.push({ partition: 0, broker: 'b:1', attempt: 1, positions: landed, offsets: landed });
  if (isStopped) outcome.suspended = fault;
  return { outcome, delivered: landed.map((position) => sent.entries[position]?.id ?? '') };
}
