import type pg from 'pg';
import { type Actor, noted } from './auditLog.ts';
import type { Database } from './pool.ts';
import { digestOfToken, newToken, type PortalLink, type PortalLinkRow, portalLinkOf } from './portalLinks.ts';

/** A session ends so long after it began, and sooner where nothing was asked in it for so long. */
const lifetimeHours = 12;
const idleHours = 2;
/** That a session is in use is written once in so long. */
const usedEverySeconds = 60;
/** Of one key or link at the same time: the one that was used longest ago makes room. */
const sessionsMax = 100;

/** Somebody who is signed in: with the API key that has this digest, or by this portal link. */
export type StoredSession = { expiresAt: Date } & ({ keyDigest: Buffer } | { link: PortalLink });
/** The only time at which the token is there. */
export type BegunSession = { token: string; session: StoredSession };

type SessionRow = { key_digest: Buffer | null; session_expires_at: Date };
type FoundRow = SessionRow & Partial<PortalLinkRow>;

const isLive = `s.expires_at > now() and s.last_used_at > now() - interval '${idleHours} hours'`;
const isLinkLive = 'l.deleted_at is null and l.expires_at > now()';

const dropOver = `
  delete from dashboard_sessions s where s.expires_at < now() or s.last_used_at < now() - interval '${idleHours} hours'`;
/** $1 digest, $2 digest of the key. */
const insertOfKey = `
  insert into dashboard_sessions (digest, key_digest, expires_at) values ($1, $2, now() + interval '${lifetimeHours} hours')
  returning key_digest, expires_at as session_expires_at`;
/** $1 digest, $2 digest of the link's token. No session outlives its link. */
const insertOfLink = `
  with l as (select * from portal_links l where l.digest = $2 and ${isLinkLive}),
  s as (
    insert into dashboard_sessions (digest, link_id, expires_at)
    select $1, l.id, least(l.expires_at, now() + interval '${lifetimeHours} hours') from l
    returning key_digest, expires_at
  )
  select l.*, s.key_digest, s.expires_at as session_expires_at from l, s`;
/** $1 digest of a session, whose key or link has as many as it may have. */
const dropOldest = `
  delete from dashboard_sessions where digest in (
    select other.digest from dashboard_sessions mine join dashboard_sessions other
      on other.key_digest = mine.key_digest or other.link_id = mine.link_id
    where mine.digest = $1 order by other.last_used_at desc, other.created_at desc offset ${sessionsMax})`;
/** $1 digest. */
const findOne = `
  with used as (
    update dashboard_sessions s set last_used_at = now()
    where s.digest = $1 and ${isLive} and s.last_used_at < now() - interval '${usedEverySeconds} seconds'
  )
  select l.*, s.key_digest, s.expires_at as session_expires_at
  from dashboard_sessions s left join portal_links l on l.id = s.link_id
  where s.digest = $1 and ${isLive} and (s.link_id is null or (${isLinkLive}))`;

/** Who is signed in to the dashboard, in Postgres: every API process sees the same. Every method may throw `store_unreachable`. */
export class Sessions {
  constructor(private readonly database: Database) {}

  /** Signs in with the API key that has this digest, which the caller has looked up; `before`: a token whose session ends by it. */
  beginWithKey(keyDigest: Buffer, before: string | undefined, by: Actor): Promise<BegunSession> {
    const token = newToken();
    return this.database.transaction(async (client) => {
      const [row] = (await client.query<FoundRow>(insertOfKey, [digestOfToken(token), keyDigest])).rows;
      const { keyId: subject = by.name } = by;
      await begun(client, { token, before, subject }, by);
      return { token, session: { keyDigest, expiresAt: row?.session_expires_at ?? new Date() } };
    });
  }

  /** Signs in by a portal link; undefined where no link has this token, or it is over. `byWhom` is told the link. */
  beginByLink(
    portalToken: string,
    before: string | undefined,
    byWhom: (link: PortalLink) => Actor,
  ): Promise<BegunSession | undefined> {
    const token = newToken();
    return this.database.transaction(async (client) => {
      const values = [digestOfToken(token), digestOfToken(portalToken)];
      const [row] = (await client.query<PortalLinkRow & SessionRow>(insertOfLink, values)).rows;
      if (!row) return undefined;
      const link = portalLinkOf(row);
      await begun(client, { token, before, subject: link.id }, byWhom(link));
      return { token, session: { link, expiresAt: row.session_expires_at } };
    });
  }

  /** The session of this token, which was used now. */
  async find(token: string): Promise<StoredSession | undefined> {
    const [row] = await this.database.query<PortalLinkRow & SessionRow>({
      name: 'session-find',
      text: findOne,
      values: [digestOfToken(token)],
    });
    if (!row) return undefined;
    const expiresAt = row.session_expires_at;
    return row.key_digest ? { keyDigest: row.key_digest, expiresAt } : { link: portalLinkOf(row), expiresAt };
  }

  /** Signs out, at every process. */
  async end(token: string): Promise<void> {
    await this.database.query('delete from dashboard_sessions where digest = $1', [digestOfToken(token)]);
  }
}

async function begun(
  client: pg.PoolClient,
  { token, before, subject }: { token: string; before: string | undefined; subject: string },
  by: Actor,
): Promise<void> {
  if (before !== undefined)
    await client.query('delete from dashboard_sessions where digest = $1', [digestOfToken(before)]);
  await client.query(dropOver);
  await client.query(dropOldest, [digestOfToken(token)]);
  await noted(client, { action: 'session.began', subject }, by);
}
