import type { CustomSlotSupplier, SlotPermit, SlotReserveContext, WorkflowSlotInfo } from '@temporalio/worker';

/** How many workflow tasks a worker has at once, polls that wait for one among them. */
export type WorkflowTasksMax = {
  /** Of workflows that are in its cache: they come by its sticky queue, and need a replay only where the cache was too small for them. */
  cached: number;
  /** Of those that it has to replay, or that are new. */
  fresh: number;
};

type Kind = keyof WorkflowTasksMax;

class Permit implements SlotPermit {
  constructor(readonly kind: Kind) {}
}

const kindOf = ({ isSticky }: Pick<SlotReserveContext, 'isSticky'>): Kind => (isSticky ? 'cached' : 'fresh');

/**
 * Slots for workflow tasks, apart for cached and for fresh workflows; the SDK's own are for both together. Few replays may be under way at once, and a task of a cached
 * workflow that nobody takes in time becomes one more replay, so that neither may wait for the other: docs/decisions/workflow-task-slots.md
 */
export class WorkflowTaskSlots implements CustomSlotSupplier<WorkflowSlotInfo> {
  readonly type = 'custom';
  private readonly free: Record<Kind, number>;
  private readonly waiting: Readonly<Record<Kind, Set<() => void>>> = { cached: new Set(), fresh: new Set() };

  constructor(max: WorkflowTasksMax) {
    this.free = { ...max };
  }

  /** Waits for its turn. Rejects with the signal's reason where the SDK has no use for it any more. */
  async reserveSlot(context: Pick<SlotReserveContext, 'isSticky'>, signal: AbortSignal): Promise<SlotPermit> {
    signal.throwIfAborted();
    const kind = kindOf(context);
    const permit = this.tryReserveSlot(context);
    if (permit) return permit;
    return await new Promise((resolve, reject) => {
      const take = (): void => {
        signal.removeEventListener('abort', leave);
        resolve(new Permit(kind));
      };
      const leave = (): void => {
        this.waiting[kind].delete(take);
        reject(signal.reason);
      };
      this.waiting[kind].add(take);
      signal.addEventListener('abort', leave, { once: true });
    });
  }

  tryReserveSlot(context: Pick<SlotReserveContext, 'isSticky'>): SlotPermit | null {
    const kind = kindOf(context);
    if (this.free[kind] === 0) return null;
    this.free[kind]--;
    return new Permit(kind);
  }

  markSlotUsed(): void {
    // It is taken from its reservation on.
  }

  releaseSlot({ permit }: { permit: SlotPermit }): void {
    if (!(permit instanceof Permit)) throw new Error('A slot comes back that was given by nobody here.');
    const waiting = this.waiting[permit.kind];
    const [next] = waiting;
    if (!next) {
      this.free[permit.kind]++;
      return;
    }
    waiting.delete(next);
    next();
  }
}
