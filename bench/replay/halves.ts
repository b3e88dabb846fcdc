/**
 * Delivers events, replays them all, cancels that half-way and continues it, while new events come; and judges by the topic whether each
 * was replayed exactly once, as the same record, and whether new ones kept their order.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../dev/servers/until.ts';
import type { TestApi } from '../../test/harness/api.ts';
import type { KafkaRecord, TestKafka } from '../../test/harness/kafka.ts';
import { firstSeen } from '../../test/harness/order.ts';
import { beginReplay, replayed, tell, untilReplay } from '../../test/harness/replays.ts';

export type HalvesStack = { api: TestApi; kafka: TestKafka };
export type HalvesOptions = {
  events: number;
  eventsPerSecond: number;
  /** How many, or one for each key. */
  lanes: number | 'key';
  /** Keys that the events have, in turn; 40 unless given. */
  keys?: number;
  /** Events in a POST while they are delivered: fewer make longer histories. */
  perPost: number;
  /** What each step may take at the most, in ms. */
  stepMsMax: number;
};
export type Halves = {
  /** Seconds. */
  delivering: number;
  counting: number;
  /** From the begin of a replay, which counts first, to its cancellation; and from its continuation to its end. */
  firstHalf: number;
  secondHalf: number;
  /** The replay's own count when it was cancelled, and in the end. */
  cancelledAt: number;
  replayed: number;
  /** Runs of lanes that it read. */
  runs: number;
  /** Events sent again a second, in the second half. */
  perSecond: number;
  /** Names of events that are not there once more, or more often, and of such as are there with another key, value or headers. */
  lost: string[];
  twice: string[];
  changed: string[];
  /** Events that came during the replay; keys whose first records are not in the order of acceptance. */
  newer: number;
  keysOutOfOrder: string[];
};

const defaultKeys = 40;
const newerPerPost = 20;
const newerEveryMs = 500;

const keyOf = (n: number, keys: number): string => `order-${n % keys}`;

class Run {
  /** How many were accepted; their names are the numbers from 0. */
  accepted = 0;

  constructor(
    private readonly stack: HalvesStack,
    private readonly customerExternalId: string,
    private readonly options: HalvesOptions,
  ) {}

  get keys(): number {
    return this.options.keys ?? defaultKeys;
  }

  /** Posts the next so many, in their order. */
  async post(count: number): Promise<void> {
    const { perPost } = this.options;
    for (let left = count; left > 0; left -= perPost) await this.postBatch(Math.min(perPost, left));
  }

  private async postBatch(count: number): Promise<void> {
    const events = Array.from({ length: count }, (_, at) => {
      const n = this.accepted + at;
      const payload = { key: keyOf(n, this.keys), n, pad: String(n).repeat(60) };
      return {
        eventType: 'order.paid',
        customerExternalId: this.customerExternalId,
        idempotencyKey: String(n),
        payload,
      };
    });
    await this.until(
      'a batch to be accepted',
      () => this.stack.api.postBatch(events),
      ({ status }) => status === 202,
    );
    this.accepted += count;
  }

  async until<T>(what: string, probe: () => T | Promise<T>, is: (seen: T) => boolean): Promise<T> {
    return await until(what, probe, is, { timeoutMs: this.options.stepMsMax });
  }

  /** New events, some at a time, until `work` is over. */
  async whilePosting<T>(work: () => Promise<T>): Promise<T> {
    let isOver = false;
    const posting = (async () => {
      while (!isOver) {
        await this.post(newerPerPost);
        await sleep(newerEveryMs);
      }
    })();
    const done = await work().finally(() => {
      isOver = true;
    });
    await posting;
    return done;
  }
}

async function newDestination({ api, kafka }: HalvesStack, lanes: HalvesOptions['lanes']) {
  const topic = await kafka.newTopic(1);
  const customerExternalId = `acct_${topic}`;
  const { status, text, body } = await api.request('POST', '/v1/destinations', {
    ...{ type: 'KAFKA', name: 'replayed', customerExternalId, brokers: kafka.brokers, topic },
    ...{ partitionKey: 'payload.key', auth: { mode: 'NONE' }, ordering: { lanes } },
  });
  if (status !== 201) throw new Error(`POST /v1/destinations answered ${status}: ${text}`);
  return { destinationId: (body as { id: string }).id, topic, customerExternalId }; // What a 201 holds.
}

/** Runs it once. Rejects where a step takes longer than it may. */
export async function replayInHalves(stack: HalvesStack, options: HalvesOptions): Promise<Halves> {
  const { api, kafka } = stack;
  const { events, eventsPerSecond, lanes, stepMsMax } = options;
  const { destinationId, topic, customerExternalId } = await newDestination(stack, lanes);
  const run = new Run(stack, customerExternalId, options);
  const records = await kafka.reading(topic);
  const laps = laptimes();
  await run.post(events);
  await run.until(
    `${events} records`,
    () => records.length,
    (there) => there >= events,
  );
  const delivering = laps();

  // A batch that lies in Kafka is in the history a moment later.
  const selector = { destinationId, status: 'delivered', eventsPerSecond, reason: 'a replay in two halves' };
  const count = async () => replayed(api, await beginReplay(api, { ...selector, dryRun: true }), stepMsMax);
  await run.until('all to be counted', count, (one) => one.events === events);
  laps();
  await count();
  const counting = laps();

  const replay = await beginReplay(api, selector);
  const isHalf = (one: { total?: number | undefined; events?: number | undefined }): boolean =>
    one.total !== undefined && (one.events ?? 0) >= events / 2;
  await untilReplay('one half', api, replay, (one) => isHalf(one) || one.status !== 'running', stepMsMax);
  await tell(api, replay, 'cancel');
  const half = await replayed(api, replay, stepMsMax);
  if (half.status !== 'cancelled') throw new Error(`The replay was over before it was cancelled: ${half.status}.`);
  const firstHalf = laps();

  await tell(api, replay, 'continue');
  const end = await run.whilePosting(() => replayed(api, replay, stepMsMax));
  if (end.status !== 'done' || end.events !== events) throw new Error(`It ended ${JSON.stringify(end)}.`);
  const secondHalf = laps();
  // What would still come comes before these.
  await run.post(run.keys);
  const expected = events + run.accepted;
  await run.until(
    `${expected} records`,
    () => records.length,
    (there) => there >= expected,
  );
  await until('the last of each key', () => lastOf(records, run), undefined, { timeoutMs: stepMsMax });
  const cancelledAt = half.events ?? 0;
  const perSecond = Math.round((events - cancelledAt) / secondHalf);
  const figures = {
    delivering,
    counting,
    firstHalf,
    secondHalf,
    cancelledAt,
    replayed: events,
    perSecond,
    runs: end.runs ?? 0,
  };
  return { ...figures, ...judged(records, events, run) };
}

function laptimes(): () => number {
  let beganMs = performance.now();
  return () => {
    const seconds = Math.round((performance.now() - beganMs) / 100) / 10;
    beganMs = performance.now();
    return seconds;
  };
}

const nameOf = ({ headers }: KafkaRecord): string => headers.idempotency_key ?? '';

const digestOf = (content: unknown): string => createHash('sha256').update(JSON.stringify(content)).digest('base64');

/** Whether the last events, one of each key, are there. */
function lastOf(records: readonly KafkaRecord[], { accepted, keys }: Pick<Run, 'accepted' | 'keys'>): boolean {
  const names = new Set(records.map(nameOf));
  return Array.from({ length: keys }, (_, at) => accepted - 1 - at).every((n) => names.has(String(n)));
}

function judged(
  records: readonly KafkaRecord[],
  events: number,
  { accepted, keys: keyCount }: Pick<Run, 'accepted' | 'keys'>,
) {
  const seen = new Map<string, string[]>();
  for (const record of records) {
    const name = nameOf(record);
    const content = digestOf([String(record.key), String(record.value), record.headers]);
    seen.set(name, [...(seen.get(name) ?? []), content]);
  }
  const names = Array.from({ length: accepted }, (_, n) => String(n));
  const timesOf = (name: string): number => seen.get(name)?.length ?? 0;
  const wantedOf = (name: string): number => (Number(name) < events ? 2 : 1);
  const keys = Array.from({ length: keyCount }, (_, at) => keyOf(at, keyCount));
  return {
    lost: names.filter((name) => timesOf(name) < wantedOf(name)),
    twice: names.filter((name) => timesOf(name) > wantedOf(name)),
    changed: names.filter((name) => new Set(seen.get(name)).size > 1),
    newer: accepted - events,
    keysOutOfOrder: keys.filter(
      (key) =>
        String(firstSeen(records, key)) !== String(names.filter((name) => keyOf(Number(name), keyCount) === key)),
    ),
  };
}
