import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { CausewayError } from '../domain/error.ts';
import type { Scope } from '../domain/scope.ts';
import { ApiKeyUses } from './apiKeyUses.ts';
import { type Actor, nobody, noted } from './auditLog.ts';
import { FreshCache } from './freshCache.ts';
import type { StoreLogger } from './logger.ts';
import type { Database } from './pool.ts';

/** What a request's key is. */
export type ApiKey = {
  id: string;
  name: string;
  scopes: readonly Scope[];
  /** At each API process; absent: as many as it likes. */
  requestsPerSecond?: number;
};

/** What is shown of a key: never the key, nor its digest. */
export type ShownApiKey = ApiKey & {
  createdAt: Date;
  expiresAt?: Date;
  /** Within some seconds. */
  lastUsedAt?: Date;
  revokedAt?: Date;
  rotatedAt?: Date;
  /** The key before the last rotation holds until then. */
  earlierUntil?: Date;
};

export type NewApiKey = {
  name: string;
  scopes: readonly Scope[];
  expiresAt?: Date | undefined;
  requestsPerSecond?: number | undefined;
};
/** The only time at which the key itself is there. */
export type MadeApiKey = { key: string; apiKey: ShownApiKey };
export type ApiKeyPage = { apiKeys: ShownApiKey[]; nextCursor?: string };

type Row = {
  id: string;
  seq: string;
  name: string;
  scopes: Scope[];
  requests_per_second: number | null;
  digest: Buffer;
  earlier_digest: Buffer | null;
  earlier_until: Date | null;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
  rotated_at: Date | null;
  last_used_at?: Date | null;
};
/** One digest that is a key now. */
type Known = { apiKey: ApiKey; digest: Buffer; untilMs: number };

const keysMax = 10_000;
const theOnlyEntry = 'all';

const live = 'revoked_at is null and (expires_at is null or expires_at > now())';
/** $1 name, $2 scopes, $3 when it ends or null, $4 digest, $5 how many there may be, $6 requests a second or null. */
const insertOne = `
  insert into api_keys (name, scopes, expires_at, digest, requests_per_second)
  select $1, $2, $3::timestamptz, $4, $6::integer where (select count(*) from api_keys where ${live}) < $5
  returning *`;
/** $1 digest, $2 name. */
const ensureOne = `
  insert into api_keys (digest, name)
  select $1, $2 where not exists (select from api_key_former_digests where digest = $1) on conflict do nothing
  returning *`;
/** $1 id, $2 the new digest, $3 for how long the one before holds, in seconds. */
const rotateOne = `
  with former as (
    insert into api_key_former_digests (digest) select digest from api_keys where id = $1 and ${live} on conflict do nothing
  )
  update api_keys set digest = $2, rotated_at = now(),
    earlier_digest = case when $3::float8 > 0 then digest end,
    earlier_until = case when $3::float8 > 0 then now() + $3::float8 * interval '1 second' end
  where id = $1 and ${live} returning *`;
/** $1 id. One that is revoked already stays as it is. */
const revokeOne = `
  update api_keys set revoked_at = now(), earlier_digest = null, earlier_until = null
  where id = $1 and revoked_at is null returning *`;
/** $1 the seq after which the page begins or null, $2 how many. */
const selectPage = `
  select k.*, u.last_used_at from api_keys k left join api_key_uses u on u.key_id = k.id
  where $1::bigint is null or k.seq < $1 order by k.seq desc limit $2`;

/** What is kept of a key. A fast hash will do: a key is random, so there is no dictionary to try. */
export const digestOfApiKey = (plainKey: string): Buffer => createHash('sha256').update(plainKey).digest();
const newKey = (): string => `cw_${randomBytes(32).toString('base64url')}`;

/** The API keys in Postgres, by digest. All of them are held in memory, so that an unknown key costs no query. */
export class ApiKeys {
  private readonly all: FreshCache<ReadonlyMap<string, Known>>;
  private readonly uses: ApiKeyUses;

  constructor(
    private readonly database: Database,
    isHearing: () => boolean,
    logger?: StoreLogger,
  ) {
    this.all = new FreshCache({ load: () => this.readAll(), isHearing, entriesMax: 1 });
    this.uses = new ApiKeyUses(database, logger);
  }

  /**
   * Stores the digest of the key, with every scope, where it isn't there yet. Whether it holds: one that was revoked, or rotated away, stays so. Throws
   * `api_key_invalid` for one that is no safe key.
   */
  async ensure(plainKey: string, name: string): Promise<boolean> {
    if (!/^[A-Za-z0-9._~+/=-]{20,200}$/.test(plainKey)) {
      throw new CausewayError('api_key_invalid', 'An API key has 20 to 200 characters of A-Z a-z 0-9 . _ ~ + / = -.');
    }
    await this.database.transaction(async (client) => {
      const { rows } = await client.query<Row>(ensureOne, [digestOfApiKey(plainKey), name]);
      for (const { id, scopes } of rows) {
        const detail = { name, scopes };
        await noted(client, { action: 'api_key.created', subject: id, detail }, { name: 'start of the API' });
      }
    });
    this.changed();
    return (await this.known(digestOfApiKey(plainKey))) !== undefined;
  }

  /** Throws `too_many_api_keys`. */
  async create({ name, scopes, expiresAt, requestsPerSecond }: NewApiKey, by: Actor = nobody): Promise<MadeApiKey> {
    const key = newKey();
    const values = [name, scopes, expiresAt ?? null, digestOfApiKey(key), keysMax, requestsPerSecond ?? null];
    const row = await this.database.transaction(async (client) => {
      const [made] = (await client.query<Row>(insertOne, values)).rows;
      const detail = { name, scopes, requestsPerSecond, ...(expiresAt && { expiresAt: expiresAt.toISOString() }) };
      if (made) await noted(client, { action: 'api_key.created', subject: made.id, detail }, by);
      return made;
    });
    if (!row) throw new CausewayError('too_many_api_keys', `There may be ${keysMax} API keys. Revoke one first.`);
    this.changed();
    return { key, apiKey: shownOf(row) };
  }

  /** A new key under the same id; the one before holds for so long yet, in seconds. Throws `api_key_not_found`. */
  async rotate(id: string, overlapSeconds: number, by: Actor = nobody): Promise<MadeApiKey> {
    const key = newKey();
    const row = await this.database.transaction(async (client) => {
      const [rotated] = (await client.query<Row>(rotateOne, [id, digestOfApiKey(key), overlapSeconds])).rows;
      if (rotated) await noted(client, { action: 'api_key.rotated', subject: id, detail: { overlapSeconds } }, by);
      return rotated;
    });
    if (!row) throw notFound('that still holds');
    this.changed();
    return { key, apiKey: shownOf(row) };
  }

  /** From now on it opens nothing, in every process within a second. Throws `api_key_not_found`. */
  async revoke(id: string, by: Actor = nobody): Promise<ShownApiKey> {
    const row = await this.database.transaction(async (client) => {
      const [revoked] = (await client.query<Row>(revokeOne, [id])).rows;
      if (revoked) await noted(client, { action: 'api_key.revoked', subject: id }, by);
      return revoked;
    });
    this.changed();
    const found = row ?? (await this.database.query<Row>('select * from api_keys where id = $1', [id]))[0];
    if (!found) throw notFound('with this id');
    return shownOf(found);
  }

  /** The newest first, those that hold no more too. Throws `cursor_invalid`. */
  async list({ limit, cursor }: { limit: number; cursor?: string | undefined }): Promise<ApiKeyPage> {
    const after = cursor === undefined ? null : seqOfCursor(cursor);
    const rows = await this.database.query<Row>(selectPage, [after, limit + 1]);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const apiKeys = page.map(shownOf);
    return rows.length > limit && last ? { apiKeys, nextCursor: cursorOf(last) } : { apiKeys };
  }

  /** Whether there is a key at all. Throws `store_unreachable`. */
  async exist(): Promise<boolean> {
    return (await this.all.get(theOnlyEntry)).size > 0;
  }

  /** The key with this SHA-256 digest, which was used now. From memory where nobody changed the keys. Throws `store_unreachable`. */
  async find(digest: Buffer): Promise<ApiKey | undefined> {
    const found = await this.known(digest);
    if (found) this.uses.note(found.id);
    return found;
  }

  /** Keys came or went, or may have without our hearing of it. */
  changed(): void {
    this.all.forgetAll();
  }

  /** Resolves when the last uses are stored, or could not be. */
  close(): Promise<void> {
    return this.uses.close();
  }

  private async known(digest: Buffer): Promise<ApiKey | undefined> {
    const known = (await this.all.get(theOnlyEntry)).get(digest.toString('latin1'));
    return known && timingSafeEqual(known.digest, digest) && known.untilMs > Date.now() ? known.apiKey : undefined;
  }

  private async readAll(): Promise<ReadonlyMap<string, Known>> {
    const rows = await this.database.query<Row>(`select * from api_keys where ${live} order by seq limit $1`, [
      keysMax,
    ]);
    return new Map(rows.flatMap(digestsIn).map((known): [string, Known] => [known.digest.toString('latin1'), known]));
  }
}

/** The digest of the key, and for a while that of the one before the last rotation. */
function digestsIn({ digest, expires_at, earlier_digest, earlier_until, ...row }: Row): Known[] {
  const apiKey = apiKeyOf(row);
  const endMs = expires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  const known: Known[] = [{ apiKey, digest, untilMs: endMs }];
  if (earlier_digest && earlier_until) {
    known.push({ apiKey, digest: earlier_digest, untilMs: Math.min(endMs, earlier_until.getTime()) });
  }
  return known;
}

const apiKeyOf = ({
  id,
  name,
  scopes,
  requests_per_second: limit,
}: Pick<Row, 'id' | 'name' | 'scopes' | 'requests_per_second'>): ApiKey => ({
  ...{ id, name, scopes },
  ...(limit !== null && { requestsPerSecond: limit }),
});

const shownOf = (row: Row): ShownApiKey => ({
  ...{ ...apiKeyOf(row), createdAt: row.created_at },
  ...(row.expires_at && { expiresAt: row.expires_at }),
  ...(row.last_used_at && { lastUsedAt: row.last_used_at }),
  ...(row.revoked_at && { revokedAt: row.revoked_at }),
  ...(row.rotated_at && { rotatedAt: row.rotated_at }),
  ...(row.earlier_until && { earlierUntil: row.earlier_until }),
});

const notFound = (which: string): CausewayError =>
  new CausewayError('api_key_not_found', `There is no API key ${which}. GET /v1/api-keys lists them.`);

const cursorOf = ({ seq }: Row): string => Buffer.from(`k1:${seq}`).toString('base64url');

function seqOfCursor(cursor: string): string {
  const [, seq] = /^k1:(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq) return seq;
  throw new CausewayError('cursor_invalid', 'The cursor is none that a list of API keys gave: begin without one.');
}
