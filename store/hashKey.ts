import { randomBytes } from 'node:crypto';
import { CausewayError } from '../domain/error.ts';
import { HashedNames } from '../domain/hashedNames.ts';
import type { Database } from './pool.ts';
import { hashKeyPlace, type Sealing } from './sealing.ts';

const keyBytes = 32;
/** $1 how many, $2 the seq after which the page begins. */
const selectClear = `
  select id, seq from destinations
  where not hashes_keys and deleted_at is null and seq > $2::bigint order by seq limit $1`;

/** The key by which names are hashed in Temporal. There is one, or none: then no name is hashed. */
export class HashKey {
  private names: HashedNames | undefined;

  constructor(
    private readonly database: Database,
    private readonly sealing: Sealing,
  ) {}

  /**
   * From now on names are hashed, of new destinations at once; or, where it is not wanted, sees that they are not. Throws
   * `hash_keys_differ` where another process has begun it, and what the store throws.
   */
  async agree(isWanted: boolean): Promise<void> {
    if (isWanted) {
      const sealed = this.sealing.seal(randomBytes(keyBytes).toString('base64'), hashKeyPlace);
      await this.database.query('insert into hash_key (sealed) values ($1) on conflict do nothing', [sealed]);
    } else if ((await this.database.query('select 1 from hash_key')).length > 0) {
      const remedy =
        'Keys and customers are hashed in Temporal: that was begun with CAUSEWAY_HASH_KEYS=true, and does not end. Set it for API and workers.';
      throw new CausewayError('hash_keys_differ', remedy);
    }
  }

  /** Undefined where no name is hashed. Throws `secret_key_missing` or `secret_unreadable`, and what the store throws. */
  async current(): Promise<HashedNames | undefined> {
    if (this.names) return this.names;
    const [row] = await this.database.query<{ sealed: string }>('select sealed from hash_key');
    if (row) this.names = new HashedNames(Buffer.from(this.sealing.open(row.sealed, hashKeyPlace), 'base64'));
    return this.names;
  }

  /** Where names are hashed. Throws `store_failed` where they are not. */
  async needed(): Promise<HashedNames> {
    const names = await this.current();
    if (!names)
      throw new CausewayError('store_failed', 'A destination has hashed names, and the store has no key for them.');
    return names;
  }

  /** All that may stand for a customer in search attributes: lanes that began before it was hashed have its name. */
  async customerNames(customerExternalId: string): Promise<string[]> {
    const names = await this.current();
    return names ? [customerExternalId, names.customer(customerExternalId)] : [customerExternalId];
  }

  /** Ids of destinations whose lanes have clear names, the oldest first. Read in pages of so many, as they are asked for. */
  async *clearDestinations(pageSize: number): AsyncGenerator<string> {
    for (let after = '0'; ; ) {
      const rows = await this.database.query<{ id: string; seq: string }>(selectClear, [pageSize, after]);
      for (const { id } of rows) yield id;
      const last = rows.at(-1);
      if (!last || rows.length < pageSize) return;
      after = last.seq;
    }
  }
}
