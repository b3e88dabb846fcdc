import { randomBytes } from 'node:crypto';
import type { Destination, OpenDestination, Pause } from '../domain/destination.ts';
import { CausewayError } from '../domain/error.ts';
import type { AllowPrivate } from '../domain/privateNetworks.ts';
import { type Actor, type AuditAction, nobody, noted } from './auditLog.ts';
import { changedFields } from './changedFields.ts';
import { changesCredentials, type DestinationChange, type NewDestination } from './destinationChange.ts';
import { type DestinationPage, type ListOptions, listedPage } from './destinationList.ts';
import { type DestinationRow, destinationOf, type StoredDestination, storedDestinationOf } from './destinationRow.ts';
import { opened, sealed } from './destinationSecrets.ts';
import {
  columnsOf,
  destinationNotFound,
  hashKeysOne,
  holdOne,
  insertOne,
  lockRow,
  pauseOne,
  selectForCustomer,
  selectIdsOfCustomer,
  selectNewest,
  selectOne,
  updateOne,
} from './destinationSql.ts';
import { noneBegins, noteEarlier } from './earlierCredentials.ts';
import { FreshCache } from './freshCache.ts';
import { changesLanes, checkHold, type LaneHold } from './laneHold.ts';
import type { Database } from './pool.ts';
import type { Sealing } from './sealing.ts';

/** Who makes a change, and what it is called in the audit trail. */
type Noted = { by?: Actor; action?: AuditAction };

export const destinationsPerCustomerMax = 100;
const idsOfCustomerMax = 1_000;
const cachedCustomersMax = 50_000;
const cachedOpenMax = 10_000;

export type DestinationsOptions = {
  database: Database;
  sealing: Sealing;
  isHearing: () => boolean;
  /** What destinations name may lead to this machine and to private networks. */
  allowPrivate: AllowPrivate;
};

/** The destinations in Postgres. Every method may throw `store_unreachable`. */
export class Destinations {
  private readonly byCustomer: FreshCache<readonly Destination[]>;
  private readonly opened: FreshCache<OpenDestination | undefined>;
  private readonly database: Database;
  private readonly sealing: Sealing;
  private readonly allowPrivate: AllowPrivate;

  constructor({ database, sealing, isHearing, allowPrivate }: DestinationsOptions) {
    this.database = database;
    this.sealing = sealing;
    this.allowPrivate = allowPrivate;
    this.byCustomer = new FreshCache({
      load: (customer) => this.readForCustomer(customer),
      isHearing,
      entriesMax: cachedCustomersMax,
    });
    this.opened = new FreshCache({ load: (id) => this.readOpen(id), isHearing, entriesMax: cachedOpenMax });
  }

  /** Throws `too_many_destinations`. */
  async create(destination: NewDestination, by: Actor = nobody): Promise<StoredDestination> {
    const { secrets, ...settings } = destination;
    const id = `dst_${randomBytes(12).toString('base64url')}`;
    const values = [
      id,
      settings.customerExternalId,
      settings.type,
      ...columnsOf(settings),
      sealed(this.sealing, id, secrets),
    ];
    const row = await this.database.transaction(async (client) => {
      const [made] = (await client.query<DestinationRow>(insertOne, [...values, destinationsPerCustomerMax])).rows;
      const { customerExternalId, name } = settings;
      const detail = { customerExternalId, name };
      if (made) await noted(client, { action: 'destination.created', subject: id, detail }, by);
      return made;
    });
    if (!row) {
      const remedy = `A customer may have ${destinationsPerCustomerMax} destinations. Delete one first.`;
      throw new CausewayError('too_many_destinations', remedy);
    }
    this.changed(id, settings.customerExternalId);
    return storedDestinationOf(row);
  }

  /** Undefined where it never was, or was deleted. */
  async get(id: string): Promise<StoredDestination | undefined> {
    const [row] = await this.database.query<DestinationRow>(selectOne, [id]);
    return row && storedDestinationOf(row);
  }

  /** Whose these destinations are, deleted ones too, by id; one that never was has no entry. */
  async customersOf(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.database.query<{ id: string; customer_external_id: string }>(
      'select id, customer_external_id from destinations where id = any($1::text[])',
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row.customer_external_id]));
  }

  /** Which of these a person has paused. */
  async pausedOf(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.database.query<{ id: string }>(
      'select id from destinations where id = any($1::text[]) and paused is not null',
      [ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** The newest first. Throws `cursor_invalid` for a cursor that no list gave. */
  list(options: ListOptions): Promise<DestinationPage> {
    return listedPage(this.database, options);
  }

  /** Ids of all that the customer has or had, the newest first, a thousand at the most. */
  async idsOfCustomer(customerExternalId: string): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(selectIdsOfCustomer, [customerExternalId, idsOfCustomerMax]);
    return rows.map(({ id }) => id);
  }

  /** Ids of those that events go to now, neither disabled nor paused: so many, the newest first, and how many there are. */
  async newest(idsMax: number): Promise<{ ids: string[]; count: number }> {
    const rows = await this.database.query<{ id: string; count: number }>(selectNewest, [idsMax]);
    return { ids: rows.map(({ id }) => id), count: rows[0]?.count ?? 0 };
  }

  /**
   * Throws `destination_not_found`, `version_conflict` when `expectedVersion` is given and another, and `lanes_not_held`
   * when the change concerns the lanes and `hold` doesn't allow it. A hold ends with the change it allowed.
   */
  async update(
    id: string,
    change: DestinationChange,
    options: { expectedVersion?: number | undefined; hold?: LaneHold | undefined } & Noted = {},
  ): Promise<StoredDestination> {
    const { by = nobody, action = 'destination.changed' } = options;
    const row = await this.database.transaction(async (client) => {
      const before = await lockRow(client, id, options.expectedVersion);
      const { secrets = {}, ...settings } = change;
      const next = { ...destinationOf(before), ...settings };
      if (changesLanes(before, next)) checkHold(before, options.hold);
      const secretsSealed = sealed(this.sealing, id, secrets, before.sealed);
      const values = [id, ...columnsOf(next), secretsSealed, options.hold?.until ?? null];
      if (changesCredentials(change)) {
        await client.query(noneBegins);
        await client.query(noteEarlier, [id, before.version + 1]);
      }
      const { rows } = await client.query<DestinationRow>(updateOne, values);
      const detail = {
        version: before.version + 1,
        fields: changedFields(destinationOf(before), next, secrets, before.sealed),
      };
      await noted(client, { action, subject: id, detail }, by);
      return rows[0] ?? before;
    });
    this.changed(id, row.customer_external_id);
    return storedDestinationOf(row);
  }

  /**
   * It takes nothing new from now on; what its lanes hold is still delivered (docs/decisions/deleted-destinations.md).
   * Throws `destination_not_found`, and `version_conflict` when `expectedVersion` is given and another.
   */
  async remove(id: string, options: { expectedVersion?: number | undefined; by?: Actor } = {}): Promise<void> {
    const customer = await this.database.transaction(async (client) => {
      const row = await lockRow(client, id, options.expectedVersion);
      await client.query('update destinations set deleted_at = now(), version = version + 1 where id = $1', [id]);
      await noted(client, { action: 'destination.deleted', subject: id }, options.by ?? nobody);
      return row.customer_external_id;
    });
    this.changed(id, customer);
  }

  /** Pauses, or with undefined ends a pause; where it is so already, nothing changes. Throws `destination_not_found`. */
  async setPaused(id: string, pause: Pause | undefined, by: Actor = nobody): Promise<StoredDestination> {
    const action = pause ? 'destination.paused' : 'destination.resumed';
    const row = await this.database.transaction(async (client) => {
      const [changed] = (await client.query<DestinationRow>(pauseOne, [id, pause ?? null])).rows;
      const detail = pause ? { by: pause.by, ...(pause.reason !== undefined && { reason: pause.reason }) } : {};
      if (changed) await noted(client, { action, subject: id, detail }, by);
      return changed;
    });
    if (row) this.changed(id, row.customer_external_id);
    const stored = row ? storedDestinationOf(row) : await this.get(id);
    if (!stored) throw destinationNotFound(id);
    return stored;
  }

  /** The customer's enabled destinations, the oldest first. From memory where nobody changed them. */
  forCustomer(customerExternalId: string): Promise<readonly Destination[]> {
    return this.byCustomer.get(customerExternalId);
  }

  /**
   * The destination with its credentials; undefined only where it never was: a deleted one has `deletedAt`.
   * From memory where nobody changed it. Throws `secret_key_missing` or `secret_unreadable`.
   */
  open(id: string): Promise<OpenDestination | undefined> {
    return this.opened.get(id);
  }

  /**
   * Keeps new events out of the destination's lanes for at most `holdMs`, visible as `lanesHeldUntil`, and gives the right
   * to change them. Undefined while another process holds them; with `isToHash` also where their names are hashed by now. Throws
   * `destination_not_found`.
   */
  async holdLanes(id: string, holdMs: number, { isToHash = false } = {}): Promise<LaneHold | undefined> {
    const [row] = await this.database.query<{ lanes_held_until: Date; customer_external_id: string }>(holdOne, [
      ...[id, holdMs, isToHash],
    ]);
    if (row) {
      this.changed(id, row.customer_external_id);
      return { destinationId: id, until: row.lanes_held_until };
    }
    if (!(await this.get(id))) throw destinationNotFound(id);
    return undefined;
  }

  /** Ends a hold early; one that has expired, or that another took over since, is left alone. */
  async releaseLanes(hold: LaneHold): Promise<void> {
    const [row] = await this.database.query<{ customer_external_id: string }>(
      'update destinations set lanes_held_until = null where id = $1 and lanes_held_until = $2 returning customer_external_id',
      [hold.destinationId, hold.until],
    );
    if (row) this.changed(hold.destinationId, row.customer_external_id);
  }

  /**
   * From now on its lanes have hashed names; the hold ends with it, and its version is another, so that nobody changes it who read it
   * before. Throws `lanes_not_held`, also where it is not at `version`.
   */
  async hashKeys(hold: LaneHold, version: number, by: Actor = nobody): Promise<void> {
    const customer = await this.database.transaction(async (client) => {
      const { destinationId: subject, until } = hold;
      const { rows } = await client.query<{ customer_external_id: string }>(hashKeysOne, [subject, until, version]);
      const remedy = 'The hold has expired, or the destination was changed meanwhile. Nothing was changed by this.';
      if (!rows[0]) throw new CausewayError('lanes_not_held', remedy);
      await noted(client, { action: 'destination.keys_hashed', subject }, by);
      return rows[0].customer_external_id;
    });
    this.changed(hold.destinationId, customer);
  }

  /** A row changed, here or in another process. */
  changed(id: string, customerExternalId: string): void {
    this.opened.forget(id);
    this.byCustomer.forget(customerExternalId);
  }

  /** Rows may have changed without our hearing of it. */
  anythingChanged(): void {
    this.opened.forgetAll();
    this.byCustomer.forgetAll();
  }

  private async readForCustomer(customerExternalId: string): Promise<readonly Destination[]> {
    const rows = await this.database.query<DestinationRow>({
      name: 'destinations-for-customer',
      text: selectForCustomer,
      values: [customerExternalId, destinationsPerCustomerMax],
    });
    return rows.map(destinationOf);
  }

  private async readOpen(id: string): Promise<OpenDestination | undefined> {
    const [row] = await this.database.query<DestinationRow>('select * from destinations where id = $1', [id]);
    if (!row) return undefined;
    return { ...destinationOf(row), secrets: opened(this.sealing, id, row.sealed), allowPrivate: this.allowPrivate };
  }
}
