import { randomBytes } from 'node:crypto';
import type { Keys } from '../load/events.ts';
import type { BenchStack } from '../stack/benchStack.ts';
import { endWorkflows } from '../stack/endWorkflows.ts';
import { newTopic } from '../stack/topics.ts';

/** How a destination's events are spread over lanes. */
export type LaneKind = { id: string; title: string; keys: Keys; partitionKey: string; lanes: 'key' | number };

export const oneLane: LaneKind = {
  id: 'one-lane',
  title: 'one lane',
  keys: 'customer',
  partitionKey: 'customerExternalId',
  lanes: 'key',
};
export const fourLanes: LaneKind = {
  id: 'four-lanes',
  title: '4 lanes, 10,000 keys',
  keys: 'spread',
  partitionKey: 'payload.orderId',
  lanes: 4,
};
export const sixteenLanes: LaneKind = {
  ...fourLanes,
  id: 'sixteen-lanes',
  title: '16 lanes, 10,000 keys',
  lanes: 16,
};
export const newKeys: LaneKind = {
  id: 'new-keys',
  title: 'a new key and lane each',
  keys: 'new',
  partitionKey: 'payload.orderId',
  lanes: 'key',
};

/** What of a destination's `producer` is not left to its defaults. */
export type ProducerSettings = { lingerMs?: number; compression?: string };

export type BenchDestination = {
  id: string;
  customerExternalId: string;
  topic: string;
  /** Where the stack stays: destination, topic and open lanes go. */
  remove(): Promise<void>;
};

/** A call of the API, whose answer must be a good one. */
export async function call(stack: BenchStack, method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${stack.api}${path}`, {
    method,
    headers: { authorization: `Bearer ${stack.apiKey}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

const idOf = (answer: unknown): string => {
  if (typeof answer === 'object' && answer !== null && 'id' in answer && typeof answer.id === 'string')
    return answer.id;
  throw new Error(`POST /v1/destinations answered without an id: ${JSON.stringify(answer)}`);
};

/** A destination for one load, with a customer and a topic of its own. */
export async function newDestination(
  stack: BenchStack,
  { partitionKey, lanes }: LaneKind,
  producer?: ProducerSettings,
): Promise<BenchDestination> {
  const topic = await newTopic(stack);
  const customerExternalId = `acct_bench_${randomBytes(6).toString('hex')}`;
  const created = await call(stack, 'POST', '/v1/destinations', {
    type: 'KAFKA',
    name: 'bench',
    customerExternalId,
    brokers: stack.kafkaBrokers,
    topic: topic.name,
    partitionKey,
    auth: { mode: 'NONE' },
    ordering: { lanes },
    ...(producer && { producer }),
  });
  const id = idOf(created);
  const remove = async () => {
    if (stack.kind === 'own') return; // All of it goes with its folder.
    await call(stack, 'DELETE', `/v1/destinations/${id}`);
    await endWorkflows(stack, `DestinationId = '${id}'`);
    await topic.remove();
  };
  return { id, customerExternalId, topic: topic.name, remove };
}
