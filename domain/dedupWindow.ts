/**
 * The ids a lane has seen: at most so many, each for at most so long after it was last seen. A Map keeps the order of
 * insertion, so the oldest id stands first.
 */
export class DedupWindow {
  private readonly seenAtS = new Map<string, number>();
  private latestS = 0;

  constructor(
    private readonly idsMax: number,
    private readonly windowMs: number,
  ) {}

  /** Remembers the id, and says whether it was already known at `nowMs`. */
  isRepeat(id: string, nowMs: number): boolean {
    const before = this.seenAtS.get(id);
    const nowS = Math.floor(nowMs / 1000);
    this.seenAtS.delete(id);
    this.seenAtS.set(id, nowS);
    this.latestS = nowS;
    if (this.seenAtS.size > this.idsMax) this.forgetOldest();
    return before !== undefined && nowS - before <= this.windowMs / 1000;
  }

  /** When the window will have run out for every id, in ms since the epoch; 0 when nothing was seen. */
  endsAtMs(): number {
    let last = 0;
    for (const seenAtS of this.seenAtS.values()) last = Math.max(last, seenAtS);
    return last === 0 ? 0 : (last + 1) * 1000 + this.windowMs;
  }

  /** How many bytes {@link carried} takes at the most: there may be a run for every second, and none has no id. */
  get carriedBytes(): number {
    const oldestS = this.seenAtS.values().next().value ?? this.latestS;
    const runs = Math.min(this.seenAtS.size, this.latestS - oldestS + 1);
    return this.seenAtS.size * idLength + runs * runBytes;
  }

  /** As text that goes into the next run: ids joined, and when they were seen as runs of [count, seconds]. */
  carried(nowMs: number): CarriedDedupWindow {
    const ids: string[] = [];
    const seen: [count: number, seenAtS: number][] = [];
    for (const [id, seenAtS] of this.seenAtS) {
      if (nowMs / 1000 - seenAtS > this.windowMs / 1000) continue;
      ids.push(id);
      const run = seen.at(-1);
      if (run?.[1] === seenAtS) run[0]++;
      else seen.push([1, seenAtS]);
    }
    return { ids: ids.join(''), seen };
  }

  static from(carried: CarriedDedupWindow, idsMax: number, windowMs: number): DedupWindow {
    const window = new DedupWindow(idsMax, windowMs);
    let at = 0;
    for (const [count, seenAtS] of carried.seen) {
      for (let i = 0; i < count; i++, at += idLength) window.seenAtS.set(carried.ids.slice(at, at + idLength), seenAtS);
      window.latestS = seenAtS;
    }
    return window;
  }

  private forgetOldest(): void {
    const oldest = this.seenAtS.keys().next();
    if (!oldest.done) this.seenAtS.delete(oldest.value);
  }
}

const idLength = 22;
/** `[10000,1767225600],` */
const runBytes = 19;
export type CarriedDedupWindow = { ids: string; seen: [count: number, seenAtS: number][] };

/** Whether the id is among those carried. */
export function carriesId({ ids }: CarriedDedupWindow, id: string): boolean {
  let at = ids.indexOf(id);
  while (at >= 0 && at % idLength !== 0) at = ids.indexOf(id, at + 1);
  return at >= 0;
}
