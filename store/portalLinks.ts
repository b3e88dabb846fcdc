import { createHash, randomBytes } from 'node:crypto';
import { CausewayError } from '../domain/error.ts';
import type { Permission } from '../domain/permission.ts';
import { type Actor, nobody, noted } from './auditLog.ts';
import type { Database } from './pool.ts';

/** A way for one customer to what is theirs, for a while. */
export type PortalLink = {
  id: string;
  customerExternalId: string;
  permissions: readonly Permission[];
  name?: string;
  createdAt: Date;
  expiresAt: Date;
  /** It was deleted, and opens nothing any more. */
  deletedAt?: Date;
};

export type NewPortalLink = {
  customerExternalId: string;
  permissions: readonly Permission[];
  lifetimeSeconds: number;
  name?: string | undefined;
};
/** The only time at which the token is there. */
export type MadePortalLink = { token: string; link: PortalLink };
export type PortalLinkPage = { links: PortalLink[]; nextCursor?: string };
export type PortalLinkQuery = {
  limit: number;
  cursor?: string | undefined;
  customerExternalId?: string | undefined;
};

export type PortalLinkRow = {
  id: string;
  seq: string;
  customer_external_id: string;
  permissions: Permission[];
  name: string | null;
  created_at: Date;
  expires_at: Date;
  deleted_at: Date | null;
};

/** What is over for so long is in the list no more, in days. */
const keptDays = 30;
const dropOld = `delete from portal_links where expires_at < now() - $1 * interval '1 day'`;
/** $1 id, $2 digest, $3 customer, $4 permissions, $5 name or null, $6 for how long, in seconds. */
const insertOne = `
  insert into portal_links (id, digest, customer_external_id, permissions, name, expires_at)
  values ($1, $2, $3, $4, $5, now() + $6::float8 * interval '1 second') returning *`;
/** $1 id. One that is deleted already stays as it is. */
const deleteOne = 'update portal_links set deleted_at = now() where id = $1 and deleted_at is null returning *';
/** $1 the seq after which the page begins or null, $2 customer or null, $3 how many. */
const selectPage = `
  select * from portal_links
  where ($1::bigint is null or seq < $1) and ($2::text is null or customer_external_id = $2)
  order by seq desc limit $3`;

/** 256 random bits, as they stand in a link and in a cookie. */
export const newToken = (): string => randomBytes(32).toString('base64url');
/** What is kept of one: it is random, so that a fast hash will do. */
export const digestOfToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The portal links in Postgres. Every method may throw `store_unreachable`. */
export class PortalLinks {
  constructor(private readonly database: Database) {}

  async create({ customerExternalId, permissions, lifetimeSeconds, name }: NewPortalLink, by: Actor = nobody) {
    const token = newToken();
    const id = `plk_${randomBytes(12).toString('base64url')}`;
    const values = [id, digestOfToken(token), customerExternalId, permissions, name ?? null, lifetimeSeconds];
    const row = await this.database.transaction(async (client) => {
      await client.query(dropOld, [keptDays]);
      const [made] = (await client.query<PortalLinkRow>(insertOne, values)).rows;
      const detail = { customerExternalId, permissions, lifetimeSeconds, name };
      await noted(client, { action: 'portal_link.created', subject: id, detail }, by);
      return made;
    });
    if (!row) throw notFound();
    return { token, link: portalLinkOf(row) } satisfies MadePortalLink;
  }

  /** The newest first, those that are over too. Throws `cursor_invalid`. */
  async list({ limit, cursor, customerExternalId }: PortalLinkQuery): Promise<PortalLinkPage> {
    const after = cursor === undefined ? null : seqOfCursor(cursor);
    const rows = await this.database.query<PortalLinkRow>(selectPage, [after, customerExternalId ?? null, limit + 1]);
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const links = page.map(portalLinkOf);
    return rows.length > limit && last ? { links, nextCursor: cursorOf(last) } : { links };
  }

  /** From now on it opens nothing, and who came by it is signed out. Throws `portal_link_not_found`. */
  async remove(id: string, by: Actor = nobody): Promise<void> {
    const isThere = await this.database.transaction(async (client) => {
      const [deleted] = (await client.query<PortalLinkRow>(deleteOne, [id])).rows;
      if (deleted) await noted(client, { action: 'portal_link.deleted', subject: id }, by);
      return deleted !== undefined;
    });
    if (!isThere) throw notFound();
  }
}

export const portalLinkOf = (row: PortalLinkRow): PortalLink => ({
  ...{ id: row.id, customerExternalId: row.customer_external_id, permissions: row.permissions },
  ...(row.name !== null && { name: row.name }),
  ...{ createdAt: row.created_at, expiresAt: row.expires_at },
  ...(row.deleted_at && { deletedAt: row.deleted_at }),
});

const notFound = (): CausewayError =>
  new CausewayError(
    'portal_link_not_found',
    'No portal link has this id, or it was deleted. GET /v1/portal-links lists them.',
  );

const cursorOf = ({ seq }: PortalLinkRow): string => Buffer.from(`l1:${seq}`).toString('base64url');

function seqOfCursor(cursor: string): string {
  const [, seq] = /^l1:(\d{1,18})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (seq) return seq;
  throw new CausewayError('cursor_invalid', 'The cursor is none that a list of portal links gave: begin without one.');
}
