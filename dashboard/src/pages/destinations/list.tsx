import { Link } from 'wouter';
import { usePaged } from '../../api/paged.ts';
import type { Destination, DestinationPage } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Filters, isFiltered, NoMatch, useFilters } from '../../pieces/filters.tsx';
import { SelectField, TextField } from '../../pieces/form.tsx';
import { counted } from '../../pieces/format.ts';
import { ButtonLink, destinationPath } from '../../pieces/link.tsx';
import { Page } from '../../pieces/page.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';
import { settingState } from './one.tsx';

const columns: readonly Column<Destination>[] = [
  {
    name: 'Name',
    isHead: true,
    cell: ({ id, name }) => (
      <>
        <Link href={destinationPath(id)}>{name}</Link>
        <div className="dim small mono">{id}</div>
      </>
    ),
  },
  { name: 'Customer', cell: ({ customerExternalId }) => customerExternalId },
  { name: 'Topic', cell: ({ topic }) => <span className="mono">{topic}</span> },
  { name: 'State', cell: (destination) => <State destination={destination} /> },
  { name: 'Changed', cell: ({ updatedAt }) => <Time at={updatedAt} /> },
];

const troubles = [
  { value: 'Suspended', label: 'suspended' },
  { value: 'Waiting', label: 'waiting' },
  { value: 'Parked', label: 'with dead letters' },
  { value: 'Paused', label: 'paused' },
] as const;

/** Of its lanes the worst, where one is in trouble; else what its settings say. */
function State({ destination }: { destination: Destination }) {
  const { id, health } = destination;
  const isTroubled = health !== undefined && health.state !== 'Delivering' && settingState(destination) === 'enabled';
  return (
    <>
      <Status of={isTroubled ? health.state : settingState(destination)} />
      {health?.error !== undefined && <div className="mono small dim">{health.error.name}</div>}
      {health !== undefined && health.deadLetters > 0 && (
        <div className="small">
          <Link href={`/dead-letters?destinationId=${id}`}>{counted(health.deadLetters, 'dead letter')}</Link>
        </div>
      )}
    </>
  );
}

const labels = { search: 'Name, topic, customer or id', state: 'State of its lanes' };

export default function Destinations() {
  const who = useWho();
  const filters = useFilters(['search', 'state']);
  const list = usePaged<Destination, DestinationPage>('/v1/destinations', {
    query: filters.filters,
    rowsOf: (page) => page.destinations,
    refetchInterval: 15_000,
  });
  const create = who.mayManage && (
    <ButtonLink to="/destinations/new" primary>
      Create a destination
    </ButtonLink>
  );
  return (
    <Page title="Destinations" lead="Customers' own topics, and how each is doing." actions={create}>
      <Filters label="Search destinations" of={filters}>
        {(draft, set) => (
          <>
            <TextField
              name="search"
              type="search"
              label={labels.search}
              value={draft.search}
              onChange={set('search')}
            />
            <SelectField
              name="state"
              label={labels.state}
              value={draft.state}
              onChange={set('state')}
              options={[{ value: '', label: 'any' }, ...troubles]}
            />
          </>
        )}
      </Filters>
      <PagedTable
        caption="destinations"
        columns={columns}
        list={list}
        keyOf={({ id }) => id}
        empty={
          isFiltered(filters.filters) ? (
            <NoMatch what="destination" filters={filters.filters} labels={labels} />
          ) : (
            <Empty title="No destination here yet" action={create}>
              A destination is a topic in a customer's Kafka. Create one, test its connection, and send it a test event.
            </Empty>
          )
        }
      />
    </Page>
  );
}
