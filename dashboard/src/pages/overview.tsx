import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { ask, withQuery } from '../api/client.ts';
import type { Series, Overview as Shown } from '../api/types.ts';
import { useWho } from '../api/who.ts';
import { Choices } from '../pieces/choices.tsx';
import { Filters, useFilters } from '../pieces/filters.tsx';
import { TextField } from '../pieces/form.tsx';
import { counted, number, rate } from '../pieces/format.ts';
import { ButtonLink, destinationPath } from '../pieces/link.tsx';
import { Loaded } from '../pieces/loading.tsx';
import { Card, Page } from '../pieces/page.tsx';
import { Plot } from '../pieces/plot.tsx';
import { Alert, Empty } from '../pieces/problem.tsx';
import { Status } from '../pieces/status.tsx';
import { type Column, Table } from '../pieces/table.tsx';
import { Time } from '../pieces/time.tsx';

const ranges = [
  { value: '1h', label: 'An hour' },
  { value: '6h', label: '6 hours' },
  { value: '24h', label: 'A day' },
  { value: '7d', label: '7 days' },
] as const;

const overviewMs = 5_000;
const seriesMs = 15_000;

/** What is happening now, and what was: live. */
export default function Overview() {
  const who = useWho();
  const of = useFilters(['customerExternalId', 'range']);
  const { customerExternalId, range: wanted } = of.filters;
  const range = wanted === '' ? '1h' : wanted;
  const overview = useQuery({
    queryKey: ['overview', customerExternalId],
    queryFn: ({ signal }) => ask<Shown>('/v1/overview', { query: { customerExternalId }, signal }),
    refetchInterval: overviewMs,
    placeholderData: keepPreviousData,
  });
  const series = useQuery({
    queryKey: ['series', customerExternalId, range],
    queryFn: ({ signal }) => ask<Series>('/v1/series', { query: { range, customerExternalId }, signal }),
    refetchInterval: seriesMs,
    placeholderData: keepPreviousData,
  });
  const lead = who.isPortal ? 'Your events and where they are.' : 'Every lane of every customer, as it is now.';
  return (
    <Page title="Overview" lead={lead}>
      {!who.isPortal && (
        <Filters label="Narrow the overview" of={of} submit="Show">
          {(draft, set) => (
            <TextField
              name="customerExternalId"
              type="search"
              label="Customer"
              placeholder="all of them"
              value={draft.customerExternalId}
              onChange={set('customerExternalId')}
            />
          )}
        </Filters>
      )}
      <div className="stack">
        <Loaded query={overview} lines={5}>
          {(data) => <Now overview={data} isPortal={who.isPortal} {...{ customerExternalId }} />}
        </Loaded>
        <Choices
          label="Time shown in the plots"
          options={ranges}
          value={range}
          onChange={(value) => of.setFilters({ range: value })}
        />
        <Loaded query={series} lines={8}>
          {(data) => <Plots series={data} />}
        </Loaded>
        <Loaded query={overview} lines={4}>
          {(data) => <Worst overview={data} />}
        </Loaded>
      </div>
    </Page>
  );
}

type TileProps = { name: string; value: string; more?: React.ReactNode; look?: 'bad' | 'warn' | false };

const Tile = ({ name, value, more, look }: TileProps) => (
  <div className={`tile ${look || ''}`}>
    <dt>{name}</dt>
    <dd className="value">{value}</dd>
    {more !== undefined && <dd className="dim small">{more}</dd>}
  </div>
);

const staleSecondsMax = 60;

/** `customerExternalId`: whose it is narrowed to; '' where it is not. A portal's is its customer's anyway. */
type NowProps = { overview: Shown; isPortal: boolean; customerExternalId: string };

function Now({ overview: { now, staleSeconds, sampledAt }, isPortal, customerExternalId }: NowProps) {
  const isNarrowed = isPortal || customerExternalId !== '';
  const { lanes, oldestWaiting, deadLetters, suspendedDestinations } = now;
  const letters = `${number(deadLetters)}${now.deadLettersAtLeast ? '+' : ''}`;
  return (
    <section className="stack-small" aria-label="Now">
      {staleSeconds !== undefined && staleSeconds > staleSecondsMax && (
        <Alert kind="warn" title="These numbers are old">
          They were counted <Time at={sampledAt} inline />. Is Temporal up? <code>causeway doctor</code> says.
        </Alert>
      )}
      <dl className="tiles">
        <Tile name="Accepted" value={`${rate(now.acceptedPerSecond)}/s`} />
        <Tile name="Delivered" value={`${rate(now.deliveredPerSecond)}/s`} />
        {lanes.Delivering !== undefined && <Tile name="Lanes delivering" value={number(lanes.Delivering)} />}
        <Tile
          name="Lanes waiting"
          value={number(lanes.Waiting)}
          look={lanes.Waiting > 0 && 'warn'}
          more={lanes.Waiting > 0 ? 'for a destination that is down: it is tried on' : undefined}
        />
        <Tile
          name="Lanes suspended"
          value={number(lanes.Suspended)}
          look={lanes.Suspended > 0 && 'bad'}
          more={suspendedDestinations > 0 ? `in ${counted(suspendedDestinations, 'destination')}` : undefined}
        />
        <Tile
          name="Dead letters"
          value={letters}
          look={deadLetters > 0 && 'bad'}
          more={
            deadLetters > 0 ? (
              <Link href={withQuery('/dead-letters', { customerExternalId })}>See and replay them</Link>
            ) : undefined
          }
        />
        {lanes.Paused > 0 && <Tile name="Lanes paused" value={number(lanes.Paused)} look="warn" />}
        {/* It is the oldest of all customers: where theirs is not it, the answer does not know whether any of theirs waits. */}
        {(oldestWaiting !== undefined || !isNarrowed) && <Oldest of={oldestWaiting} />}
      </dl>
    </section>
  );
}

const Oldest = ({ of }: { of: Shown['now']['oldestWaiting'] }) => (
  <div className="tile wide">
    <dt>Oldest waiting event</dt>
    <dd>
      {of === undefined ? (
        <span className="dim">None in a lane that holds or is paused</span>
      ) : (
        <>
          <Time at={of.acceptedAt} />
          <br />
          <Link href={`${destinationPath(of.destinationId)}/lanes`}>Lane {of.lane}</Link>
        </>
      )}
    </dd>
  </div>
);

function Plots({ series: { points, stepSeconds } }: { series: Series }) {
  const per = stepSeconds === 60 ? 'a minute' : `${number(Math.round(stepSeconds / 60))} minutes`;
  return (
    <div className="columns">
      <Card title={`Events each ${per.replace('a minute', 'minute')}`}>
        <Plot
          label="Events"
          at={points.at}
          lines={[
            { name: 'Accepted', look: 1, values: points.accepted },
            { name: 'Delivered', look: 2, values: points.delivered },
            { name: 'Failed tries', look: 3, values: points.failedTries },
            { name: 'Parked', look: 4, values: points.parked },
          ]}
        />
      </Card>
      <Card title="What needs attention">
        <Plot
          label="What needs attention"
          at={points.at}
          lines={[
            { name: 'Dead letters', look: 4, values: points.deadLetters },
            { name: 'Lanes waiting', look: 3, values: points.retrying },
            { name: 'Lanes suspended', look: 5, values: points.suspended },
          ]}
        />
      </Card>
    </div>
  );
}

type WorstRow = Shown['worst'][number];

const worstColumns: readonly Column<WorstRow>[] = [
  {
    name: 'Destination',
    isHead: true,
    cell: ({ destinationId, name, customerExternalId }) => (
      <>
        <Link href={destinationPath(destinationId)}>{name}</Link>
        <div className="dim small">{customerExternalId}</div>
      </>
    ),
  },
  { name: 'State', cell: ({ state }) => <Status of={state} /> },
  {
    name: 'Error',
    cell: ({ error }) => (error ? <span className="mono">{error.name}</span> : <span className="dim">–</span>),
  },
  { name: 'Since', cell: ({ since }) => (since === undefined ? <span className="dim">–</span> : <Time at={since} />) },
  { name: 'Lanes', right: true, cell: ({ lanes }) => number(lanes) },
  {
    name: 'Dead letters',
    right: true,
    cell: ({ destinationId, deadLetters }) =>
      deadLetters === 0 ? (
        '0'
      ) : (
        <Link href={`/dead-letters?destinationId=${destinationId}`}>{number(deadLetters)}</Link>
      ),
  },
];

const Worst = ({ overview: { worst } }: { overview: Shown }) => (
  <section className="stack-small" aria-label="Destinations that need attention">
    <h2>Destinations that need attention</h2>
    <div className="table-frame">
      {worst.length === 0 ? (
        <Empty title="All is well" action={<ButtonLink to="/destinations">See all destinations</ButtonLink>}>
          No destination is suspended, none waits, and there are no dead letters.
        </Empty>
      ) : (
        <Table
          caption="destinations that need attention"
          columns={worstColumns}
          rows={worst}
          keyOf={({ destinationId }) => destinationId}
        />
      )}
    </div>
  </section>
);
