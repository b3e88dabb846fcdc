import type { StoreLogger } from './logger.ts';
import type { Database } from './pool.ts';

/** Uses are written so long after the first of them, in ms: one statement for all keys, whatever the number of requests. */
const writeAfterMs = 5_000;

/** A key may have been deleted by hand since. $1 ids, $2 when each was used last. */
const writeAll = `
  insert into api_key_uses (key_id, last_used_at)
  select id, at from unnest($1::text[], $2::timestamptz[]) as used (id, at) where exists (select from api_keys k where k.id = used.id)
  on conflict (key_id) do update set last_used_at = greatest(api_key_uses.last_used_at, excluded.last_used_at)`;

/** When each API key was used last; what is not written yet is lost with the process. */
export class ApiKeyUses {
  private used = new Map<string, Date>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> | undefined;
  private isClosed = false;

  constructor(
    private readonly database: Database,
    private readonly logger: StoreLogger | undefined,
  ) {}

  note(keyId: string): void {
    this.used.set(keyId, new Date());
    this.writeLater();
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    await this.writing;
    await this.write();
  }

  private async write(): Promise<void> {
    const used = this.used;
    this.used = new Map();
    this.timer = undefined;
    if (used.size === 0) return;
    this.writing = this.database.query(writeAll, [[...used.keys()], [...used.values()]]).then(
      () => undefined,
      (err: unknown) => {
        this.logger?.warn({ err }, 'when API keys were used last could not be written: it is tried again');
        for (const [id, at] of used) if (!this.used.has(id)) this.used.set(id, at);
        this.writeLater();
      },
    );
    await this.writing;
  }

  private writeLater(): void {
    if (!this.isClosed) this.timer ??= setTimeout(() => void this.write(), writeAfterMs).unref();
  }
}
