import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, TestApi } from './api.ts';
import { until } from './until.ts';

export type LoadOptions = {
  customerExternalId: string;
  /** One sender for each, which sends one POST after another: so the order in which its events are accepted is known. */
  keys: readonly string[];
  /** Events of one POST; 1 sends single events. */
  batch?: number;
};

export type Load = {
  /** For each key the idempotency keys of the events that got their 202, in the order in which they got it. */
  accepted: ReadonlyMap<string, readonly string[]>;
  /** How many got their 202. */
  count(): number;
  /** Lets each sender bring its last POST to its 202. Rejects where the API answered what no sender should get. */
  stop(): Promise<void>;
};

/** Between a 202 and the sender's next POST, in ms: else senders would take all of the CPU, also from what the test waits for. */
const pauseMs = 25;
/** The whole of an outage and what follows it must pass within this, in ms. */
const acceptedWithinMs = 90_000;

const eventOf = (customerExternalId: string, key: string, n: number) => ({
  eventType: 'load.sent',
  customerExternalId,
  idempotencyKey: `${key}#${n}`,
  payload: { key, n },
});

/** Overload or an outage, or a batch of which a part is stored: for the sender to send again. */
const sentAgain = [503, 207];

/** POSTs until it gets a 202, as a service with a retry would: with the same idempotency keys. */
export async function sendUntilAccepted(api: TestApi, events: Record<string, unknown>[]): Promise<void> {
  const [first] = events;
  const post = (): Promise<Answer> => (events.length === 1 && first ? api.post(first) : api.postBatch(events));
  const { status, text } = await until('a 202', post, (answer) => !sentAgain.includes(answer.status), acceptedWithinMs);
  if (status !== 202) throw new Error(`A sender got ${status}: ${text}`);
}

/**
 * Services that send without end: numbered events, each POST again and again until it is accepted. Under faults the API may
 * have stored what it could not answer for; the idempotency keys make that one event.
 */
export function startLoad(api: TestApi, { customerExternalId, keys, batch = 1 }: LoadOptions): Load {
  const accepted = new Map<string, string[]>(keys.map((key) => [key, []]));
  let isOver = false;
  const sender = async (key: string): Promise<void> => {
    for (let n = 0; !isOver; n += batch) {
      const events = Array.from({ length: batch }, (_, i) => eventOf(customerExternalId, key, n + i));
      await sendUntilAccepted(api, events);
      accepted.get(key)?.push(...events.map(({ idempotencyKey }) => idempotencyKey));
      await sleep(pauseMs);
    }
  };
  const senders = Promise.allSettled(keys.map(sender));
  return {
    accepted,
    count: () => [...accepted.values()].reduce((sum, ids) => sum + ids.length, 0),
    stop: async () => {
      isOver = true;
      const failed = (await senders).find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}
