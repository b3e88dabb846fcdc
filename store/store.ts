import type { AllowPrivate } from '../domain/privateNetworks.ts';
import type { SecretKey } from '../domain/secretKeys.ts';
import { ApiKeys } from './apiKeys.ts';
import { AuditLog } from './auditLog.ts';
import { type Change, Changes } from './changes.ts';
import { Destinations } from './destinations.ts';
import { EarlierCredentials } from './earlierCredentials.ts';
import { EventIndex } from './eventIndex.ts';
import { EventsOnTheirWay } from './eventsOnTheirWay.ts';
import { HashKey } from './hashKey.ts';
import { Interventions } from './interventions.ts';
import { checkKeys } from './keysInUse.ts';
import type { StoreLogger } from './logger.ts';
import { Numbers } from './numbers.ts';
import { PayloadKeyRegister } from './payloadKeys.ts';
import { createPool, Database } from './pool.ts';
import { PortalLinks } from './portalLinks.ts';
import { type ResealReport, reseal } from './reseal.ts';
import { Sealing } from './sealing.ts';
import { Sessions } from './sessions.ts';
import { TrafficCounts } from './trafficCounts.ts';

export type StoreOptions = {
  databaseUrl: string;
  /** The first one seals, all of them open. */
  secretKeys: readonly SecretKey[];
  logger?: StoreLogger | undefined;
  /** What destinations name may lead to this machine and to private networks; absent: it may not. */
  allowPrivate?: AllowPrivate | undefined;
  /** Rows of the event index older than this are dropped; absent: never. Only the API says it, so that one place decides. */
  eventIndexDays?: number | undefined;
};

export type Store = {
  readonly destinations: Destinations;
  readonly earlierCredentials: EarlierCredentials;
  readonly apiKeys: ApiKeys;
  readonly portalLinks: PortalLinks;
  readonly sessions: Sessions;
  readonly audit: AuditLog;
  readonly eventIndex: EventIndex;
  readonly eventsOnTheirWay: EventsOnTheirWay;
  readonly interventions: Interventions;
  readonly payloadKeys: PayloadKeyRegister;
  /** What this process counts. */
  readonly traffic: TrafficCounts;
  readonly numbers: Numbers;
  readonly hashKey: HashKey;
  /** Whether changes that others make are heard: while not, every read goes to Postgres. */
  readonly isHearingChanges: boolean;
  /** Resolves when Postgres answers; throws `store_unreachable`. */
  check(): Promise<void>;
  /** Postgres's own clock. Throws `store_unreachable`. */
  now(): Promise<Date>;
  /**
   * Sees that the key ring opens what the store holds. Throws `secret_key_missing` or `secret_key_wrong`, which name the keys. A
   * store without tables holds nothing.
   */
  checkKeys(): Promise<void>;
  /**
   * Moves every secret to the ring's first key, while others read and write. Throws what `checkKeys` does, before it changes
   * anything.
   */
  reseal(onMoved?: (destinations: number) => void): Promise<ResealReport>;
  /** Resolves when what was handed in is stored or refused, and every connection is closed. */
  close(): Promise<void>;
};

/** Opens the store on a migrated database. Throws `store_unreachable` or `secret_key_missing`. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { databaseUrl, secretKeys, logger, eventIndexDays, allowPrivate = false } = options;
  const sealing = new Sealing(secretKeys);
  const pool = createPool(databaseUrl, (error) => logger?.warn({ err: error }, 'an idle connection to Postgres broke'));
  const database = new Database(pool, databaseUrl);
  const isHearing = (): boolean => changes.isHearing;
  const destinations = new Destinations({ database, sealing, isHearing, allowPrivate });
  const apiKeys = new ApiKeys(database, isHearing, logger);
  const eventIndex = new EventIndex(database, { retentionDays: eventIndexDays, logger });
  const changes = new Changes({
    databaseUrl,
    notify: (statement, values) => database.query(statement, values),
    onChange: (change: Change) => {
      if (change.table === 'destinations') destinations.changed(change.id, change.customer);
      else apiKeys.changed();
    },
    onGap: () => {
      destinations.anythingChanged();
      apiKeys.changed();
    },
    logger,
  });
  const traffic = new TrafficCounts(database, logger);
  const check = async (): Promise<void> => {
    await database.query('select 1');
  };
  const close = async (): Promise<void> => {
    await changes.close();
    await apiKeys.close();
    // What is indexed last may be counted.
    await eventIndex.close();
    await traffic.close();
    await pool.end();
  };
  try {
    await check();
  } catch (error) {
    await close();
    throw error;
  }
  await changes.start();
  return {
    destinations,
    earlierCredentials: new EarlierCredentials(database),
    apiKeys,
    portalLinks: new PortalLinks(database),
    sessions: new Sessions(database),
    audit: new AuditLog(database),
    eventIndex,
    eventsOnTheirWay: new EventsOnTheirWay(database),
    interventions: new Interventions(database),
    payloadKeys: new PayloadKeyRegister(database),
    traffic,
    numbers: new Numbers(database),
    hashKey: new HashKey(database, sealing),
    get isHearingChanges() {
      return changes.isHearing;
    },
    check,
    now: async () => {
      const [row] = await database.query<{ now: Date }>('select clock_timestamp() as now');
      return row?.now ?? new Date(Number.NaN);
    },
    checkKeys: () => checkKeys(database, sealing),
    reseal: async (onMoved) => {
      await checkKeys(database, sealing);
      return await reseal(database, sealing, onMoved);
    },
    close,
  };
}
