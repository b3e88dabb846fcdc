import { createHash, timingSafeEqual } from 'node:crypto';
import { CausewayError } from '../domain/error.ts';
import { FreshCache } from './freshCache.ts';
import type { Database } from './pool.ts';

export type ApiKey = { name: string };

type StoredKey = ApiKey & { digest: Buffer };
type Row = { digest: Buffer; name: string };

const keysMax = 10_000;
const theOnlyEntry = 'all';

/** What is kept of a key. A fast hash will do: a key is random, so there is no dictionary to try. */
export const digestOfApiKey = (plainKey: string): Buffer => createHash('sha256').update(plainKey).digest();

/** The API keys in Postgres, by digest. All of them are held in memory, so that an unknown key costs no query. */
export class ApiKeys {
  private readonly all: FreshCache<ReadonlyMap<string, StoredKey>>;

  constructor(
    private readonly database: Database,
    isHearing: () => boolean,
  ) {
    this.all = new FreshCache({ load: () => this.readAll(), isHearing, entriesMax: 1 });
  }

  /** Stores the digest of the key, where it isn't there yet. Throws `api_key_invalid` for one that is no safe key. */
  async ensure(plainKey: string, name: string): Promise<void> {
    if (!/^[A-Za-z0-9._~+/=-]{20,200}$/.test(plainKey)) {
      throw new CausewayError('api_key_invalid', 'An API key has 20 to 200 characters of A-Z a-z 0-9 . _ ~ + / = -.');
    }
    await this.database.query('insert into api_keys (digest, name) values ($1, $2) on conflict do nothing', [
      digestOfApiKey(plainKey),
      name,
    ]);
    this.changed();
  }

  /** Whether there is a key at all. Throws `store_unreachable`. */
  async exist(): Promise<boolean> {
    return (await this.all.get(theOnlyEntry)).size > 0;
  }

  /** The key with this SHA-256 digest. From memory where nobody changed the keys. Throws `store_unreachable`. */
  async find(digest: Buffer): Promise<ApiKey | undefined> {
    const known = (await this.all.get(theOnlyEntry)).get(digest.toString('latin1'));
    return known && timingSafeEqual(known.digest, digest) ? known : undefined;
  }

  /** Keys came or went, or may have without our hearing of it. */
  changed(): void {
    this.all.forgetAll();
  }

  private async readAll(): Promise<ReadonlyMap<string, StoredKey>> {
    const rows = await this.database.query<Row>('select digest, name from api_keys order by created_at limit $1', [
      keysMax,
    ]);
    return new Map(rows.map((row) => [row.digest.toString('latin1'), row]));
  }
}
