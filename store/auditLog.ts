import type pg from 'pg';
import { CausewayError } from '../domain/error.ts';
import type { Database } from './pool.ts';

/** Who changes something, and from where. */
export type Actor = {
  /** The API key's; absent where the change needs none. */
  keyId?: string | undefined;
  name: string;
  /** The network address that the request came from. */
  address?: string | undefined;
  requestId?: string | undefined;
  /** Through what it is asked for; absent with an API key itself. */
  via?: Via | undefined;
};

/** The dashboard, by who has signed in with an API key; or by a portal link. */
export type Via = 'dashboard' | 'portal';

export type AuditAction =
  | 'destination.created'
  | 'destination.changed'
  | 'destination.rotated'
  | 'destination.keys_hashed'
  | 'destination.deleted'
  | 'destination.paused'
  | 'destination.resumed'
  | 'destination.test_event_asked'
  | 'lane.pause_asked'
  | 'lane.resume_asked'
  | 'dead_letters.replay_asked'
  | 'dead_letters.discard_asked'
  | 'replay.start_asked'
  | 'replay.cancel_asked'
  | 'replay.continue_asked'
  | 'api_key.created'
  | 'api_key.rotated'
  | 'api_key.revoked'
  | 'portal_link.created'
  | 'portal_link.deleted'
  | 'session.began'
  | 'secrets.resealed'
  | 'payload_key.forgotten';

export type Audited = {
  action: AuditAction;
  /** The id of what it is done to. */
  subject: string;
  /** Never a secret, nor anything of an event. */
  detail?: Readonly<Record<string, unknown>>;
};

export type AuditEntry = Required<Audited> & { seq: string; at: Date; by: Actor };
export type AuditPage = { entries: AuditEntry[]; nextCursor?: string };
export type AuditQuery = {
  limit: number;
  cursor?: string | undefined;
  subject?: string | undefined;
  keyId?: string | undefined;
};

export type ReplaysAsked = {
  limit: number;
  cursor?: string | undefined;
  of?: { customerExternalId: string; destinationIds: readonly string[] } | undefined;
};

type Row = {
  seq: string;
  at: Date;
  action: AuditAction;
  subject: string;
  detail: Record<string, unknown>;
  key_id: string | null;
  key_name: string;
  address: string | null;
  request_id: string | null;
  via: Via | null;
};

/** Who it was where nobody says: code of our own, as in a test. */
export const nobody: Actor = { name: 'nobody' };

const insertOne = `
  insert into audit_log (action, subject, detail, key_id, key_name, address, request_id, via)
  values ($1, $2, $3, $4, $5, $6, $7, $8)`;
/** $1 the seq after which the page begins or null, $2 subject or null, $3 key or null, $4 how many. */
const selectPage = `
  select * from audit_log
  where ($1::bigint is null or seq < $1) and ($2::text is null or subject = $2) and ($3::text is null or key_id = $3)
  order by seq desc limit $4`;

const valuesOf = ({ action, subject, detail = {} }: Audited, by: Actor): unknown[] => [
  ...[action, subject, detail, by.keyId ?? null, by.name, by.address ?? null, by.requestId ?? null, by.via ?? null],
];

/** Notes a change of the store in the transaction that makes it: there is none without the other. */
export const noted = async (client: pg.PoolClient, audited: Audited, by: Actor): Promise<void> => {
  await client.query(insertOne, valuesOf(audited, by));
};

/** The audit trail in Postgres. Every method may throw `store_unreachable`. */
export class AuditLog {
  constructor(private readonly database: Database) {}

  /** Notes what is asked of Temporal, before it is asked: what can't be noted is not done. */
  async note(audited: Audited, by: Actor): Promise<void> {
    await this.database.query(insertOne, valuesOf(audited, by));
  }

  /** The newest first. Throws `cursor_invalid`. */
  async page({ limit, cursor, subject, keyId }: AuditQuery): Promise<AuditPage> {
    const after = cursor === undefined ? null : seqOfCursor(cursor);
    const values = [after, subject ?? null, keyId ?? null, limit + 1];
    return pageOf(await this.database.query<Row>(selectPage, values), limit);
  }

  /** The replays that were asked for, the newest first; of a customer those that its name or one of its destinations selects. Throws `cursor_invalid`. */
  async replays({ limit, cursor, of }: ReplaysAsked): Promise<AuditPage> {
    const after = cursor === undefined ? null : seqOfCursor(cursor);
    const values = [after, limit + 1, of?.customerExternalId ?? null, of?.destinationIds ?? []];
    return pageOf(await this.database.query<Row>(selectReplays, values), limit);
  }
}

/** $1 the seq after which the page begins or null, $2 how many, $3 customer or null, $4 its destinations. Of a request that came again the first. */
const selectReplays = `
  select * from audit_log a
  where action = 'replay.start_asked' and ($1::bigint is null or seq < $1)
    and ($3::text is null or detail ->> 'customerExternalId' = $3 or detail ->> 'destinationId' = any($4::text[]))
    and not exists (
      select from audit_log b where b.subject = a.subject and b.seq < a.seq and b.action = 'replay.start_asked')
  order by seq desc limit $2`;

function pageOf(rows: readonly Row[], limit: number): AuditPage {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const entries = page.map(entryOf);
  return rows.length > limit && last ? { entries, nextCursor: cursorOf(last) } : { entries };
}

const entryOf = ({ seq, at, action, subject, detail, ...by }: Row): AuditEntry => ({
  ...{ seq, at, action, subject, detail },
  by: {
    ...(by.key_id !== null && { keyId: by.key_id }),
    name: by.key_name,
    ...(by.address !== null && { address: by.address }),
    ...(by.request_id !== null && { requestId: by.request_id }),
    ...(by.via !== null && { via: by.via }),
  },
});

const cursorOf = ({ seq }: Row): string => Buffer.from(`a1:${seq}`).toString('base64url');

function seqOfCursor(cursor: string): string {
  const [, seq] = /^a1:(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq) return seq;
  throw new CausewayError('cursor_invalid', 'The cursor is none that the audit trail gave: begin without one.');
}
