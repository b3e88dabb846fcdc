import { usePaged } from '../../api/paged.ts';
import type { EventType, EventTypePage } from '../../api/types.ts';
import { Filters, isFiltered, NoMatch, useFilters } from '../../pieces/filters.tsx';
import { TextField } from '../../pieces/form.tsx';
import { number } from '../../pieces/format.ts';
import { Page } from '../../pieces/page.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';

const columns: readonly Column<EventType>[] = [
  { name: 'Event type', isHead: true, cell: ({ eventType }) => <span className="mono">{eventType}</span> },
  { name: 'Last 24 hours', right: true, cell: ({ last24h }) => number(last24h) },
  { name: 'Last 7 days', right: true, cell: ({ last7d }) => number(last7d) },
  { name: 'Customers', right: true, cell: ({ customers }) => number(customers) },
  { name: 'Last event', cell: ({ lastAt }) => <Time at={lastAt} /> },
];

const labels = { search: 'Event type', customerExternalId: 'Customer' };

/** Which types of events there are, and how many of each. */
export default function EventTypes() {
  const of = useFilters(['search', 'customerExternalId']);
  const list = usePaged<EventType, EventTypePage>('/v1/event-types', {
    query: of.filters,
    rowsOf: (page) => page.eventTypes,
    refetchInterval: 30_000,
  });
  return (
    <Page title="Event types" lead="What services send, and how much of it.">
      <Filters label="Search event types" of={of}>
        {(draft, set) => (
          <>
            <TextField
              name="search"
              type="search"
              label={labels.search}
              placeholder="order."
              value={draft.search}
              onChange={set('search')}
            />
            <TextField
              name="customerExternalId"
              label={labels.customerExternalId}
              value={draft.customerExternalId}
              onChange={set('customerExternalId')}
            />
          </>
        )}
      </Filters>
      <PagedTable
        caption="event types"
        columns={columns}
        list={list}
        keyOf={({ eventType }) => eventType}
        empty={
          isFiltered(of.filters) ? (
            <NoMatch what="event type" filters={of.filters} labels={labels} />
          ) : (
            <Empty title="No event yet">
              A type is here once an event of it was accepted: <code>POST /v1/events</code>. The README shows how.
            </Empty>
          )
        }
      />
    </Page>
  );
}
