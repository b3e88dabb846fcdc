import { CausewayError } from '../domain/error.ts';
import { LanesWaiting, type QueueBehind, uncountedMs } from './lanesWaiting.ts';

/** `workflows`: what begins lanes. `activities`: what all lanes do. */
export type WorkersBehind = { workflows: QueueBehind; activities: QueueBehind };

export type NewLanesOptions = {
  /** Rejects where it can't be known now. */
  ask: () => Promise<WorkersBehind>;
  /** Whether the lane runs. Rejects where it can't be known now. */
  runs: (workflowId: string) => Promise<boolean>;
  /** A clock that nobody sets, in ms. */
  now?: () => number;
};

/** So many that wait are no backlog: some hundred new lanes at once are always taken. */
const waitingMax = 500;
/** Who is behind by less than this is not. */
const oldestMsMax = 2_000;
/** A new lane's event may wait so long for a worker, by the rate at which they take tasks. */
const delayMsMax = 10_000;
/** Of workers that had nothing to do we expect to begin so many lanes a second. */
const unknownPerSecond = 50;
/** Where none has asked for so long, no worker runs: then events are taken for when one does. Temporal tells it up to 5 s late. */
const askedWithinMs = 6_000;
const askedEveryMs = 1_000;
/** Lanes that this process has stored something in, the latest of them. */
const knownMax = 100_000;
/** Lanes that are not known are looked up in Temporal: so many at once, so that a flood of new ones costs little. */
const lookedUpAtOnce = 2;

/**
 * Refuses to start lanes while the workers are far behind: storing an event in a new lane takes Temporal a fourth of what it takes to
 * deliver it, so that new keys could be accepted for hours ahead. Lanes that run go on by their own pace
 * (docs/decisions/new-keys.md).
 */
export class NewLanes {
  private readonly known = new Set<string>();
  private readonly lookedUp = new Set<string>();
  private readonly now: () => number;
  private askedAtMs = Number.NEGATIVE_INFINITY;
  private asking = false;
  private behind: WorkersBehind | undefined;
  /** Lanes that this process let in and that are not stored yet, since when; the longest first. */
  private readonly onTheWay = new Map<string, number>();
  private readonly begun = new LanesWaiting();

  constructor(private readonly options: NewLanesOptions) {
    this.now = options.now ?? (() => performance.now());
  }

  /** Something was stored in the lane: it runs. */
  stored(workflowId: string): void {
    if (this.onTheWay.delete(workflowId)) this.begun.stored(this.now());
    this.known.delete(workflowId); // The one that was known longest stands first.
    this.known.add(workflowId);
    if (this.known.size <= knownMax) return;
    for (const oldest of this.known) {
      this.known.delete(oldest);
      return;
    }
  }

  /** What was let in is not stored after all. */
  notStored(workflowId: string): void {
    this.onTheWay.delete(workflowId);
  }

  /** Throws `workers_behind` where the lane is not known to run, and should not be started now. */
  check(workflowId: string): void {
    if (this.known.has(workflowId)) return;
    this.ask();
    this.forgetOld();
    if (this.onTheWay.has(workflowId)) return; // Many may be on their way before the first of them is stored.
    const delayMs = this.delayMs();
    if (delayMs === 0) {
      this.onTheWay.set(workflowId, this.now());
      return;
    }
    this.lookUp(workflowId);
    const remedy = `The workers are behind: an event of a new key would wait for ${Math.round(delayMs / 1_000)} seconds. Send again after some seconds; events of keys that have a lane are taken.`;
    throw new CausewayError('workers_behind', remedy);
  }

  private forgetOld(): void {
    const beforeMs = this.now() - uncountedMs;
    for (const [workflowId, sinceMs] of this.onTheWay) {
      if (sinceMs > beforeMs) break;
      this.onTheWay.delete(workflowId);
    }
    this.begun.forgetOld(this.now());
  }

  /** What is let in goes through both queues, but it is the first that it comes to at once. */
  private delayMs(): number {
    if (!this.behind) return 0;
    const { workflows, activities } = this.behind;
    const fresh = this.onTheWay.size + this.begun.fresh(this.now());
    const { takenPerSecond } = this.begun;
    return Math.max(delayMsOf({ ...workflows, takenPerSecond }, fresh), delayMsOf(activities, 0));
  }

  private ask(): void {
    const nowMs = this.now();
    if (this.asking || nowMs - this.askedAtMs < askedEveryMs) return;
    this.asking = true;
    this.askedAtMs = nowMs;
    this.options
      .ask()
      .then(
        (behind) => {
          this.behind = behind;
          this.begun.told(behind.workflows, nowMs, this.now());
        },
        () => {
          this.behind = undefined; // Whether events can be stored at all will show.
        },
      )
      .finally(() => {
        this.asking = false;
      });
  }

  /** This process may not know the lane since it began later, or since it knows too many. The event is sent again. */
  private lookUp(workflowId: string): void {
    if (this.lookedUp.size >= lookedUpAtOnce || this.lookedUp.has(workflowId)) return;
    this.lookedUp.add(workflowId);
    this.options
      .runs(workflowId)
      .then(
        (isRunning) => {
          if (isRunning) this.stored(workflowId);
        },
        () => undefined,
      )
      .finally(() => this.lookedUp.delete(workflowId));
  }
}

/** How long a queue would have a new lane wait, in ms; 0 where that is not too long, or no worker is there to wait for. */
function delayMsOf({ oldestMs, takenPerSecond, askedAgoMs, ...queue }: QueueBehind, fresh: number): number {
  const waiting = queue.waiting + fresh;
  // What was let in is not among those that wait, and may be more than they are before Temporal counts again.
  if (waiting <= waitingMax || (oldestMs <= oldestMsMax && fresh <= waitingMax)) return 0;
  if (askedAgoMs === undefined || askedAgoMs > askedWithinMs) return 0;
  // Where there was nothing to take, nobody knows how fast they are.
  const perSecond = takenPerSecond <= 0 && queue.waiting === 0 ? unknownPerSecond : takenPerSecond;
  if (perSecond <= 0) return 0;
  const delayMs = (1_000 * waiting) / perSecond;
  return delayMs > delayMsMax ? delayMs : 0;
}
