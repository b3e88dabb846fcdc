import type { Client } from '@temporalio/client';
import { isNotFound } from '../activities/notFound.ts';
import type { VisibilityPace } from '../activities/visibilityPace.ts';
import { clockOffMs, clockOffMsMax } from '../domain/clocks.ts';
import { isKeyError } from '../domain/encryptionCodec.ts';
import type { CausewayError } from '../domain/error.ts';
import { laneWorkflowType } from '../domain/lane.ts';
import type { Destinations } from '../store/destinations.ts';
import { type Found, failing, ok, warning } from './found.ts';
import { kafkaChecks, keptDestinations } from './kafkaChecks.ts';
import type { Check } from './schemas/checks.ts';
import { missingSearchAttributes } from './searchAttributes.ts';
import { polledBy, workerCheck, workerVersionCheck } from './workerChecks.ts';

const callTimeoutMs = 4_000;
const retentionDaysMin = 7;
const secondsADay = 86_400;

export type CheckDependencies = {
  temporal: Client;
  taskQueue: string;
  payloadKeys: PayloadKeysToCheck;
  /** So long the way from an event's id to its lanes is kept. */
  eventIndexDays: number;
  pace: VisibilityPace;
  destinations: Pick<Destinations, 'open' | 'newest'>;
  store: {
    /** Resolves when Postgres answers. */
    check(): Promise<void>;
    /** Its clock. */
    now(): Promise<Date>;
  };
};

export type PayloadKeysToCheck = {
  /** Rejects with what the ring lacks. */
  use(): Promise<void>;
  /** A key that was needed lately, and was not there. */
  trouble(): CausewayError | undefined;
  /** The id of the key that encrypts; undefined where none does. */
  encrypting: string | undefined;
};

/** What the API stands on, asked one by one: what is wrong, and what mends it. Never rejects. */
export async function runChecks({
  temporal,
  taskQueue,
  payloadKeys,
  eventIndexDays,
  pace,
  destinations,
  store,
}: CheckDependencies): Promise<Check[]> {
  const { namespace } = temporal.options;
  const ask = <T>(call: () => Promise<T>): Promise<T> =>
    temporal.connection.withDeadline(Date.now() + callTimeoutMs, call);
  const polled = ask(() => polledBy(temporal, taskQueue));
  polled.catch(() => undefined); // Each check that asks for it says so.
  const retention = ask(() => retentionDays(temporal));
  retention.catch(() => undefined);
  const mendNamespace = (error: unknown): string =>
    isNotFound(error)
      ? `Make it: temporal operator namespace create --namespace ${namespace} --retention 30d`
      : 'See that Temporal is up, and lets the API read its namespace.';
  const checks: [name: string, mend: string | ((error: unknown) => string), run: () => Promise<Found>][] = [
    ['store', 'See that Postgres is up, and DATABASE_URL of the API is right.', () => storeCheck(store)],
    ['store clock', 'See that Postgres is up.', () => clockCheck(store)],
    ['payload keys', 'See that Postgres is up.', () => payloadKeyCheck(payloadKeys)],
    [
      'temporal',
      'See that Temporal is up, and TEMPORAL_ADDRESS of the API is right.',
      async () => ok(`server ${(await ask(() => temporal.workflowService.getSystemInfo({}))).serverVersion}`),
    ],
    ['namespace', mendNamespace, async () => namespaceCheck(namespace, await retention)],
    ['event index', mendNamespace, async () => indexCheck(eventIndexDays, await retention)],
    ['search attributes', 'See that Temporal is up.', () => ask(() => attributeCheck(temporal))],
    ['worker', 'See that Temporal is up.', async () => workerCheck(await polled, Date.now())],
    ['worker version', 'See that Temporal is up.', async () => workerVersionCheck(await polled, Date.now())],
    ['destinations', 'See that Temporal is up.', () => pace.shared('checks', () => ask(() => heldCheck(temporal)))],
  ];
  const ran = checks.map(async ([name, mend, run]) => {
    const found = await run().catch((error: unknown) =>
      failing(messageOf(error), typeof mend === 'string' ? mend : mend(error)),
    );
    return [{ name, ...found }];
  });
  const kafka = kafkaChecks({ destinations, held: () => keptDestinations(temporal, taskQueue, pace) }).catch(
    (error: unknown) => [{ name: 'kafka', ...failing(messageOf(error), 'See that Postgres is up.') }],
  );
  return (await Promise.all([...ran, kafka])).flat();
}

/** Our own texts and gRPC's short ones: neither holds a secret. */
const messageOf = (error: unknown): string => (error instanceof Error ? error.message.slice(0, 300) : 'no answer');

async function storeCheck(store: CheckDependencies['store']): Promise<Found> {
  await store.check();
  return ok('Postgres answers');
}

async function clockCheck(store: CheckDependencies['store']): Promise<Found> {
  const askedMs = Date.now();
  const theirs = await store.now();
  const offMs = clockOffMs(theirs.getTime(), { askedMs, answeredMs: Date.now() });
  if (offMs <= clockOffMsMax) return ok("the store's and the API's agree");
  const detail = `the store's and the API's differ by ${Math.round(offMs / 1_000)} s`;
  return warning(detail, 'Have both set by NTP: what is deleted when, and times of acceptance, are told by both.');
}

async function payloadKeyCheck({ use, trouble, encrypting }: PayloadKeysToCheck): Promise<Found> {
  const lacking = await use().then(
    () => trouble(),
    (error: unknown) => (isKeyError(error) ? error : Promise.reject(error)),
  );
  if (lacking) return failing("a key is not there, so lanes and histories can't be read", lacking.remedy);
  return ok(encrypting === undefined ? 'payloads are not encrypted' : `payloads are encrypted with "${encrypting}"`);
}

async function retentionDays({ workflowService, options: { namespace } }: Client): Promise<number> {
  const { config } = await workflowService.describeNamespace({ namespace });
  return Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / secondsADay;
}

function namespaceCheck(namespace: string, days: number): Found {
  const detail = `${namespace}, keeps closed runs for ${days} days`;
  if (days >= retentionDaysMin) return ok(detail);
  const command = `temporal operator namespace update --namespace ${namespace} --retention 30d`;
  return warning(detail, `The delivery log goes back no further. To keep it longer: ${command}`);
}

function indexCheck(indexDays: number, historyDays: number): Found {
  const detail = `goes back ${indexDays} days, Temporal's history ${historyDays}`;
  if (indexDays >= historyDays) return ok(detail);
  const set = `Set CAUSEWAY_EVENT_INDEX_DAYS of the API to ${Math.ceil(historyDays)}, and start it again.`;
  return warning(detail, `An event that is older is not found by its id, though its log is there. ${set}`);
}

async function attributeCheck(temporal: Client): Promise<Found> {
  const { missing, ofAnotherType, removal, command } = await missingSearchAttributes(temporal);
  if (ofAnotherType.length > 0) {
    return failing(`of another type than lanes need: ${ofAnotherType.join(', ')}`, `Run: ${removal} && ${command}`);
  }
  return missing.length === 0 ? ok('all are there') : failing(`missing: ${missing.join(', ')}`, `Run: ${command}`);
}

async function heldCheck({ workflowService, options: { namespace } }: Client): Promise<Found> {
  const lanes = `WorkflowType="${laneWorkflowType}" AND ExecutionStatus="Running"`;
  const held = async (states: string): Promise<number> => {
    const query = `${lanes} AND DeliveryState IN (${states})`;
    return Number((await workflowService.countWorkflowExecutions({ namespace, query })).count ?? 0);
  };
  const [waiting, suspended] = [await held('"Waiting"'), await held('"Suspended"')];
  if (waiting + suspended === 0) return ok('no lane waits for its destination');
  const query = "DeliveryState IN ('Waiting', 'Suspended')";
  return warning(
    `${waiting} lanes wait for a destination that can't be reached, ${suspended} are suspended or held by a paused destination`,
    `See which, and then causeway lanes <destination>: temporal workflow list --query "${query}"`,
  );
}
