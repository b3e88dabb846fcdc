import type { Causeway, CreatedDestination } from './causeway.ts';
import type { SecuredKafka } from './securedListeners.ts';
import { authOf } from './sharedSecuredKafka.ts';
import { until } from './until.ts';

/** Customers as a small product has them, with something of everything that the dashboard shows. */
export type SampleWorld = {
  healthy: CreatedDestination;
  /** Has dead letters. */
  parked: CreatedDestination;
  /** Its password is wrong. */
  refused: CreatedDestination;
  paused: CreatedDestination;
  /** Of events that were delivered, and that is parked. */
  deliveredEvent: string;
  parkedEvent: string;
  /** Counts the dead letters of `parked`. */
  replay: string;
  /** Opens the portal of `healthy`'s customer, who may do all there. */
  portalUrl: string;
};

const bytesMax = 1_500;
export const tooLarge = 'x'.repeat(3 * bytesMax);

export async function sampleWorld(causeway: Causeway, secured: SecuredKafka): Promise<SampleWorld> {
  const { api, kafka } = causeway;
  const healthy = await causeway.createDestination({
    ...{ name: 'Orders to the warehouse', customerExternalId: 'northwind', partitionKey: 'payload.orderId' },
    eventTypes: ['order.*', 'invoice.*'],
  });
  const parked = await causeway.createDestination({
    ...{ name: 'Analytics', customerExternalId: 'contoso', partitionKey: 'payload.orderId' },
    topic: await kafka.newTopic(1, { 'max.message.bytes': String(bytesMax) }),
  });
  const refused = await causeway.createDestination({
    ...{ name: 'Production', customerExternalId: 'fabrikam' },
    brokers: [secured.secured],
    auth: { ...authOf(secured).scram512, password: 'no longer the password' },
  });
  const paused = await causeway.createDestination({ name: 'Billing', customerExternalId: 'northwind' });
  await causeway.createDestination({ name: 'Trial', customerExternalId: 'tailspin', enabled: false });
  await api.request('POST', `/v1/destinations/${paused.id}/pause`, { reason: 'The topic is being moved', by: 'ada' });

  const send = async (customerExternalId: string, eventType: string, payload: Record<string, unknown>) => {
    const { status, text, body } = await api.post({ eventType, customerExternalId, payload });
    if (status !== 202) throw new Error(`POST /v1/events answered ${status}: ${text}`);
    return (body as { id: string }).id; // What a 202 holds.
  };
  const types = ['order.created', 'order.paid', 'order.shipped', 'invoice.sent'];
  let deliveredEvent = '';
  for (let n = 0; n < 24; n++) {
    const payload = { orderId: String(1_000 + (n % 6)), total: 19.5 + n, carrier: 'DHL' };
    deliveredEvent = await send('northwind', types[n % types.length] ?? '', payload);
  }
  let parkedEvent = '';
  for (let n = 0; n < 5; n++)
    parkedEvent = await send('contoso', 'report.made', { orderId: String(n), text: tooLarge });
  await send('fabrikam', 'order.created', { orderId: '1' });
  const made = await makeOperators(causeway);
  const letters = async () => (await api.get(`/v1/destinations/${parked.id}/dead-letters`)).text;
  await until('the dead letters', letters, (text) => text.split('"eventId"').length === 6);
  return { healthy, parked, refused, paused, deliveredEvent, parkedEvent, ...made };
}

/** API keys, a portal link, and a replay that only counts. */
async function makeOperators({ api }: Causeway): Promise<Pick<SampleWorld, 'replay' | 'portalUrl'>> {
  await api.request('POST', '/v1/api-keys', { name: 'orders service', scopes: ['ingest'], requestsPerSecond: 500 });
  await api.request('POST', '/v1/api-keys', { name: 'Grafana', scopes: ['read'], expiresAt: '2031-01-15T09:30:00Z' });
  const permissions = ['read', 'manage_destinations', 'replay'];
  const link = await api.request('POST', '/v1/portal-links', {
    customerExternalId: 'northwind',
    permissions,
    name: 'Ada of Northwind',
  });
  const replay = { customerExternalId: 'contoso', dryRun: true, reason: 'How many are they?' };
  const begun = await api.request('POST', '/v1/replays', replay);
  // What a 201 holds, and a 202.
  return { portalUrl: (link.body as { url: string }).url, replay: (begun.body as { id: string }).id };
}
