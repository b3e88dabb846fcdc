import { keyCheckOf } from '../domain/encryptionCodec.ts';
import { CausewayError } from '../domain/error.ts';
import type { PayloadKeys } from '../domain/secretKeys.ts';
import { noted } from './auditLog.ts';
import type { Database } from './pool.ts';

export type UsedPayloadKey = { keyId: string; firstUsedAt: Date; lastUsedAt: Date };
type Row = { key_check: string; key_id: string; first_used_at: Date; last_used_at: Date };

/** A process that encrypts says so this often, in ms. */
export const usedEveryMs = 60_000;
/** A key that was used so long ago is used by no process, in seconds. */
const unusedAfterS = 300;

const selectAll =
  'select key_check, key_id, first_used_at, last_used_at from payload_keys order by first_used_at, key_check';
/** $1 check, $2 id. The row is new, or says that it is still used. */
const upsertOne = `
  insert into payload_keys (key_check, key_id) values ($1, $2)
  on conflict (key_check) do update set key_id = excluded.key_id, last_used_at = now()`;
/** $1 id, $2 seconds. */
const selectInUse = `
  select 1 from payload_keys where key_id = $1 and last_used_at > now() - make_interval(secs => $2)`;
const deleteNamed = 'delete from payload_keys where key_id = $1 returning key_check';

/** Which keys have encrypted what is in Temporal, so that a process that lacks one is noticed before it works. */
export class PayloadKeyRegister {
  constructor(private readonly database: Database) {}

  /**
   * Sees that the ring has each key that was ever used, then notes the one that this process encrypts with. Throws
   * `payload_key_missing` or `payload_key_wrong`, which name the keys, with nothing noted; and what the store throws.
   */
  async use(keys: PayloadKeys): Promise<void> {
    const rows = await this.database.query<Row>(selectAll);
    const checks = new Set(keys.all.map(keyCheckOf));
    const lacking = rows.filter(({ key_check }) => !checks.has(key_check));
    if (lacking.length > 0)
      throw lackingError(
        lacking.map(({ key_id }) => key_id),
        keys,
      );
    const { encrypting } = keys;
    if (encrypting) await this.database.query(upsertOne, [keyCheckOf(encrypting), encrypting.id]);
  }

  async list(): Promise<UsedPayloadKey[]> {
    const rows = await this.database.query<Row>(selectAll);
    return rows.map((row) => ({ keyId: row.key_id, firstUsedAt: row.first_used_at, lastUsedAt: row.last_used_at }));
  }

  /** From now on no process needs the key. Throws `payload_key_unknown`, or `payload_key_in_use` where a process encrypts with it. */
  async forget(keyId: string): Promise<void> {
    await this.database.transaction(async (client) => {
      if ((await client.query(selectInUse, [keyId, unusedAfterS])).rows.length > 0) {
        const remedy = `A process has encrypted with the key ${JSON.stringify(keyId)} within the last five minutes. Put another key first everywhere, restart, and wait so long.`;
        throw new CausewayError('payload_key_in_use', remedy);
      }
      if ((await client.query(deleteNamed, [keyId])).rows.length === 0) {
        throw new CausewayError(
          'payload_key_unknown',
          `No key ${JSON.stringify(keyId)} is known to have encrypted anything.`,
        );
      }
      await noted(
        client,
        { action: 'payload_key.forgotten', subject: keyId },
        { name: 'causeway secrets forget-payload-key' },
      );
    });
  }
}

function lackingError(ids: readonly string[], { all }: PayloadKeys): CausewayError {
  const named = [...new Set(ids)].map((id) => JSON.stringify(id)).join(' and ');
  const wrong = ids.filter((id) => all.some((key) => key.id === id));
  if (wrong.length > 0) {
    const remedy = `CAUSEWAY_PAYLOAD_KEYS has other keys under ${named} than those that have encrypted payloads in Temporal. Put those back; a new key has a new id.`;
    return new CausewayError('payload_key_wrong', remedy);
  }
  const remedy = `Payloads in Temporal are encrypted with ${named}, and CAUSEWAY_PAYLOAD_KEYS has no such key. Put it back, at the end of the ring. Where nothing in Temporal needs it any more: causeway secrets forget-payload-key (docs/operations.md).`;
  return new CausewayError('payload_key_missing', remedy);
}
