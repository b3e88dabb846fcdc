import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { ask } from '../../api/client.ts';
import { usePaged } from '../../api/paged.ts';
import type { EventLog, ListedDelivery, ListedDeliveryPage } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Filters, useFilters } from '../../pieces/filters.tsx';
import { SelectField, TextField } from '../../pieces/form.tsx';
import { deliveryPath, destinationPath } from '../../pieces/link.tsx';
import { Page } from '../../pieces/page.tsx';
import { Empty, ProblemAlert } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';

const names = [
  ...([
    'by',
    'eventId',
    'customerExternalId',
    'idempotencyKey',
    'destinationId',
    'partitionKey',
    'workflowId',
  ] as const),
];
type Name = (typeof names)[number];

/** By what deliveries are found, and which fields that needs. A customer need not say who they are. */
const ways: readonly { value: string; label: string; fields: readonly Name[]; isForPortal: boolean }[] = [
  { value: 'customer', label: 'Customer', fields: ['customerExternalId'], isForPortal: true },
  { value: 'event', label: 'Event id', fields: ['eventId'], isForPortal: true },
  { value: 'key', label: 'Idempotency key', fields: ['customerExternalId', 'idempotencyKey'], isForPortal: true },
  {
    value: 'partition',
    label: 'Destination, and partition key',
    fields: ['destinationId', 'partitionKey'],
    isForPortal: true,
  },
  { value: 'workflow', label: 'Workflow', fields: ['workflowId'], isForPortal: false },
];

const labels: Readonly<Record<Name, string>> = {
  by: 'Find by',
  eventId: 'Event id',
  customerExternalId: 'Customer',
  idempotencyKey: 'Idempotency key',
  destinationId: 'Destination id',
  partitionKey: 'Partition key (or all of them)',
  workflowId: 'Workflow id',
};

const placeholders: Partial<Record<Name, string>> = {
  eventId: 'evt_…',
  destinationId: 'dst_…',
  workflowId: 'delivery:dst_…:…',
};

const pageSize = 15;

const columns: readonly Column<ListedDelivery>[] = [
  {
    name: 'Event',
    isHead: true,
    cell: ({ eventId }) => (
      <Link href={deliveryPath(eventId)} className="mono">
        {eventId}
      </Link>
    ),
  },
  { name: 'State', cell: (delivery) => <DeliveryState delivery={delivery} /> },
  { name: 'Accepted', cell: ({ acceptedAt }) => <Time at={acceptedAt} /> },
  {
    name: 'Destination',
    cell: ({ destinationId }) => (
      <Link href={destinationPath(destinationId)} className="mono">
        {destinationId}
      </Link>
    ),
  },
  { name: 'Lane', cell: ({ lane }) => <span className="wrap">{lane}</span> },
];

/** Its history says it, and that is read for the few that a page shows. */
function DeliveryState({ delivery: { eventId, destinationId } }: { delivery: ListedDelivery }) {
  const { data, error } = useQuery({
    queryKey: ['event', eventId],
    queryFn: ({ signal }) => ask<EventLog>(`/v1/events/${eventId}`, { signal }),
    staleTime: 10_000,
  });
  const status = data?.deliveries.find((one) => one.destinationId === destinationId)?.status;
  if (status !== undefined) return <Status of={status} />;
  return <span className="dim">{error ? 'see the event' : '…'}</span>;
}

/** Finds what became of an event. */
export default function Deliveries() {
  const who = useWho();
  const of = useFilters(names);
  const by = of.filters.by || 'customer';
  return (
    <Page title="Deliveries" lead="Find an event, and see every attempt to deliver it.">
      <Filters label="Find deliveries" of={of} submit="Find">
        {(draft, set) => (
          <>
            <SelectField
              name="by"
              label={labels.by}
              value={draft.by || 'customer'}
              onChange={set('by')}
              options={ways.filter(({ isForPortal }) => isForPortal || !who.isPortal)}
            />
            {fieldsOf(draft.by || 'customer', who.isPortal).map((name) => (
              <TextField
                key={name}
                name={name}
                label={labels[name]}
                placeholder={placeholders[name] ?? ''}
                value={draft[name]}
                onChange={set(name)}
              />
            ))}
          </>
        )}
      </Filters>
      <Found by={by} filters={of.filters} />
    </Page>
  );
}

const fieldsOf = (by: string, isPortal: boolean): readonly Name[] =>
  (ways.find(({ value }) => value === by)?.fields ?? []).filter((name) => !isPortal || name !== 'customerExternalId');

function Found({ by, filters }: { by: string; filters: Record<Name, string> }) {
  const own = useWho().customerExternalId;
  const customerExternalId = own ?? filters.customerExternalId;
  if (by === 'event') return filters.eventId === '' ? <Hint /> : <Go eventId={filters.eventId} />;
  if (by === 'key') {
    if (filters.idempotencyKey === '' || customerExternalId === '') return <Hint />;
    return <ByKey query={{ customerExternalId, idempotencyKey: filters.idempotencyKey }} />;
  }
  const { destinationId, partitionKey, workflowId } = filters;
  const query = {
    customer: { customerExternalId },
    partition: { destinationId, partitionKey },
    workflow: { workflowId },
  }[by];
  if (query === undefined || Object.values(query)[0] === '') return <Hint />;
  return <List query={query} />;
}

const Hint = () => (
  <div className="card">
    <Empty title="Say what to look for">
      With an event's id, or its idempotency key and its customer, you see that event. With a customer, a destination
      and a partition key, or a workflow, you see its latest events.
    </Empty>
  </div>
);

function Go({ eventId }: { eventId: string }) {
  const [, go] = useLocation();
  const [asked, setAsked] = useState('');
  if (asked !== eventId) {
    setAsked(eventId);
    queueMicrotask(() => go(deliveryPath(eventId.trim()), { replace: true }));
  }
  return undefined;
}

function ByKey({ query }: { query: { customerExternalId: string; idempotencyKey: string } }) {
  const found = useQuery({
    queryKey: ['eventId', query],
    queryFn: ({ signal }) => ask<{ id: string }>('/v1/events', { query, signal }),
    retry: false,
  });
  if (found.error) return <ProblemAlert error={found.error} onRetry={() => void found.refetch()} />;
  return found.data ? <Go eventId={found.data.id} /> : undefined;
}

function List({ query }: { query: Record<string, string> }) {
  const list = usePaged<ListedDelivery, ListedDeliveryPage>('/v1/deliveries', {
    query: { ...query, limit: pageSize },
    rowsOf: (page) => page.deliveries,
    refetchInterval: 10_000,
  });
  return (
    <PagedTable
      caption="deliveries"
      columns={columns}
      list={list}
      keyOf={({ eventId, workflowId }) => eventId + workflowId}
      empty={
        <Empty title="No event found">
          None was accepted here as far back as the index of events goes. Is the name spelt as the sender spells it? A
          customer without an enabled destination that wants the type has no deliveries.
        </Empty>
      }
    />
  );
}
