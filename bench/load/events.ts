import { seededRandom } from './random.ts';

/** How an event's partition key is chosen: the customer, one of many order ids, or an order id of its own. */
export type Keys = 'customer' | 'spread' | 'new';

export const spreadKeys = 10_000;
export const eventBytes = 600;

export type EventMaker = {
  /** The JSON text of event number n, whose order id is `key`. */
  textOf(n: number, key: string): string;
  keyOf(index: number): string;
};

/** The idempotency key, which also is the record's header by which the reader knows the event. */
export const idempotencyKeyOf = (tag: string, n: number): string => `${tag}-${n}`;

/** The number of the event in an idempotency key of this load; undefined where it is not of this load. */
export function numberOf(tag: string, idempotencyKey: string): number | undefined {
  if (!idempotencyKey.startsWith(`${tag}-`)) return undefined;
  const n = Number(idempotencyKey.slice(tag.length + 1));
  return Number.isSafeInteger(n) && n >= 0 ? n : undefined;
}

const detailsCount = 1_024;
const carriers = ['DHL', 'UPS', 'FedEx', 'GLS', 'Hermes', 'Royal Mail'];
const cities = ['Berlin', 'Lyon', 'Porto', 'Gdansk', 'Turin', 'Utrecht', 'Malmo', 'Ghent', 'Graz', 'Cork'];

/** What differs from order to order, of such a length that an event has about `eventBytes` in all. Not too easily compressed. */
function detailsOf(random: () => number): string {
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)];
  const digits = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join('');
  const line = () =>
    `{"sku":"${digits(10).toUpperCase()}","quantity":${1 + Math.floor(random() * 9)},"price":"${(random() * 200).toFixed(2)}"}`;
  return [
    `"carrier":"${pick(carriers)}","weightKg":${(random() * 30).toFixed(2)}`,
    `"city":"${pick(cities)}","tracking":"${digits(24)}"`,
    `"lines":[${line()},${line()},${line()}]`,
    `"invoice":"${digits(50)}"`,
  ].join(',');
}

/** Makes the events of one load. */
export function eventMaker(tag: string, customerExternalId: string, keys: Keys): EventMaker {
  const random = seededRandom(4_711);
  const details = Array.from({ length: detailsCount }, () => detailsOf(random));
  const head = `{"eventType":"order.shipped","occurredAt":"2026-01-15T09:30:00.000Z","source":"orders","customerExternalId":"${customerExternalId}"`;
  return {
    textOf: (n, key) =>
      `${head},"idempotencyKey":"${idempotencyKeyOf(tag, n)}","correlationId":"checkout-${tag}-${n}","payload":{"orderId":"${key}",${details[n % detailsCount]}},"metadata":{"region":"eu-central-1"}}`,
    keyOf: (index) => (keys === 'new' ? `order-${tag}-${index}` : `order-${index}`),
  };
}
