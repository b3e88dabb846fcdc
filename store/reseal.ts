import { CausewayError } from '../domain/error.ts';
import type { Sealed } from './destinationRow.ts';
import { type KeyInUse, keysInUse } from './keysInUse.ts';
import type { Database } from './pool.ts';
import { hashKeyPlace, type Sealing } from './sealing.ts';

export type ResealReport = {
  /** Destinations whose secrets were moved. */
  destinations: number;
  secrets: number;
  /** Secrets that no key opens: they stay as they are. */
  unreadable: { destinationId: string; field: string }[];
  /** What is in use now that it is over. */
  inUse: KeyInUse[];
};

const rowsAtOnce = 100;

type Row = { id: string; version: number; sealed: Sealed };

/** $1 the id after which to go on, $2 the first key's id, $3 how many. */
const notWithFirst = `
  select id, version, sealed from destinations
  where id > $1 and exists (select 1 from jsonb_each_text(sealed) s where not starts_with(s.value, 'v1.' || $2 || '.'))
  order by id limit $3`;

/** Whoever changed the row since it was read has the better secrets. The version stays, for nothing that anyone sees changed. */
const replaceOne = `
  with moved as (
    update destinations set sealed = $4 where id = $1 and version = $2 and sealed = $3::jsonb returning id
  ), noted as (
    insert into audit_log (action, subject, detail, key_name)
    select 'secrets.resealed', id, $5::jsonb, 'causeway secrets reseal' from moved
  )
  select id from moved`;

/**
 * Moves every sealed secret of the store to the ring's first key, row by row, while API and workers run. One that was changed
 * meanwhile is read again; one that is killed halfway and run again does what is left. Throws `secret_key_missing`.
 */
export async function reseal(
  database: Database,
  sealing: Sealing,
  onMoved: (destinations: number) => void = () => undefined,
): Promise<ResealReport> {
  const report: ResealReport = { destinations: 0, secrets: 0, unreadable: [], inUse: [] };
  const first = sealing.sealingKeyId;
  for (let after = ''; ; ) {
    const rows = await database.query<Row>(notWithFirst, [after, first, rowsAtOnce]);
    if (rows.length === 0) break;
    for (const row of rows) {
      const moved = movedToFirst(row, sealing);
      const isAsRead =
        moved.secrets === 0 ||
        (
          await database.query(replaceOne, [
            ...[row.id, row.version, row.sealed, moved.sealed, { sealedWith: first, secrets: moved.secrets }],
          ])
        ).length > 0;
      // Changed meanwhile: the next reading begins with it.
      if (!isAsRead) break;
      after = row.id;
      report.unreadable.push(...moved.unreadable.map((field) => ({ destinationId: row.id, field })));
      report.secrets += moved.secrets;
      if (moved.secrets > 0) onMoved(++report.destinations);
    }
  }
  await resealHashKey(database, sealing, report);
  report.inUse = await keysInUse(database);
  return report;
}

/** The key by which names are hashed stays the same: it is sealed anew, as credentials are. */
async function resealHashKey(database: Database, sealing: Sealing, report: ResealReport): Promise<void> {
  const [row] = await database.query<{ sealed: string }>('select sealed from hash_key');
  if (!row || sealing.isWithFirstKey(row.sealed)) return;
  const sealed = sealing.seal(sealing.open(row.sealed, hashKeyPlace), hashKeyPlace);
  await database.query('update hash_key set sealed = $1 where sealed = $2', [sealed, row.sealed]);
  report.secrets++;
}

function movedToFirst(
  { id, sealed }: Row,
  sealing: Sealing,
): { sealed: Sealed; secrets: number; unreadable: string[] } {
  const moved: Record<string, string> = { ...sealed };
  const unreadable: string[] = [];
  let secrets = 0;
  for (const [field, text] of Object.entries(sealed)) {
    if (sealing.isWithFirstKey(text)) continue;
    const place = { destinationId: id, field };
    try {
      moved[field] = sealing.seal(sealing.open(text, place), place);
      secrets++;
    } catch (error) {
      if (!(error instanceof CausewayError) || error.code !== 'secret_unreadable') throw error;
      unreadable.push(field);
    }
  }
  return { sealed: moved, secrets, unreadable };
}
