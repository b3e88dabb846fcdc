export type FreshCacheOptions<Value> = {
  load: (key: string) => Promise<Value>;
  /** Whether we would hear of a change now. While not, nothing is kept. */
  isHearing: () => boolean;
  entriesMax: number;
};

/** While nothing is kept, a reader may join another's query that began at most so long ago, in ms. */
const joinableMs = 200;

type Loading<Value> = { value: Promise<Value>; startedAtMs: number };

/**
 * A cache of rows that are used as long as nobody changed them. It is told of changes by `forget`. A value that was being
 * read while its key was forgotten goes to those who asked before, and is not kept: it may be the old one.
 */
export class FreshCache<Value> {
  // In order of last use: a Map keeps the order of insertion.
  private readonly kept = new Map<string, Promise<Value>>();
  private readonly loading = new Map<string, Loading<Value>>();

  constructor(private readonly options: FreshCacheOptions<Value>) {}

  /** Rejects with what `load` rejects with; a failure is not kept. */
  get(key: string): Promise<Value> {
    const known = this.kept.get(key);
    if (known) {
      this.kept.delete(key);
      this.kept.set(key, known);
      return known;
    }
    const loading = this.loading.get(key);
    if (loading && (this.options.isHearing() || performance.now() - loading.startedAtMs < joinableMs)) {
      return loading.value;
    }
    return this.load(key);
  }

  /** The row behind the key changed. */
  forget(key: string): void {
    this.kept.delete(key);
    this.loading.delete(key);
  }

  /** Anything may have changed. */
  forgetAll(): void {
    this.kept.clear();
    this.loading.clear();
  }

  private load(key: string): Promise<Value> {
    const entry: Loading<Value> = { value: this.options.load(key), startedAtMs: performance.now() };
    this.loading.set(key, entry);
    const settled = (isGood: boolean): void => {
      if (this.loading.get(key) !== entry) return;
      this.loading.delete(key);
      if (isGood && this.options.isHearing()) this.keep(key, entry.value);
    };
    entry.value.then(
      () => settled(true),
      () => settled(false),
    );
    return entry.value;
  }

  private keep(key: string, value: Promise<Value>): void {
    this.kept.set(key, value);
    if (this.kept.size <= this.options.entriesMax) return;
    const oldest = this.kept.keys().next();
    if (!oldest.done) this.kept.delete(oldest.value);
  }
}
