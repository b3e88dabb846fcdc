import { Button } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { ask } from '../../api/client.ts';
import { usePaged } from '../../api/paged.ts';
import type { Lane, LanePage } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Confirm } from '../../pieces/confirm.tsx';
import { Filters, isFiltered, NoMatch, useFilters } from '../../pieces/filters.tsx';
import { SelectField } from '../../pieces/form.tsx';
import { number } from '../../pieces/format.ts';
import { destinationPath, laneLogPath } from '../../pieces/link.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Workflow } from '../../pieces/temporal.tsx';
import { Time } from '../../pieces/time.tsx';
import { OneDestination } from './one.tsx';

/** Of a paused destination only the lanes themselves say which of the two they are: without them the list may be empty, and is not. */
const tellsApart: readonly string[] = ['Suspended', 'Paused'];
const states = ['Delivering', 'Waiting', 'Suspended', 'Parked', 'Paused'] as const;

const labels = { state: 'State' };

export default function Lanes() {
  return <OneDestination>{({ id }) => <LaneList key={id} id={id} />}</OneDestination>;
}

type Deed = { signal: 'pause' | 'resume'; lane: string };

/** `isAsked`: whether the lanes have answered, or are silent. */
const columnsWith = (isAsked: boolean, begin: ((deed: Deed) => void) | undefined): readonly Column<Lane>[] => [
  {
    name: 'Lane',
    isHead: true,
    cell: ({ lane, workflowId, runId }) => (
      <>
        <Link href={laneLogPath(workflowId, lane)} className="wrap">
          {lane}
        </Link>
        <div className="small">
          <Workflow id={workflowId} runId={runId} />
        </div>
      </>
    ),
  },
  {
    name: 'State',
    cell: ({ state, status }) => (
      <>
        <Status of={state} />
        {status?.held !== undefined && <div className="dim small">{status.held.remedy}</div>}
        {status?.hold !== undefined && (
          <div className="small">
            <span className="mono">{status.hold.error.name}</span>: {status.hold.error.message}
            <div className="dim">
              since <Time at={status.hold.since} inline />
            </div>
          </div>
        )}
      </>
    ),
  },
  {
    name: 'Waiting',
    right: true,
    cell: ({ status }) =>
      status === undefined ? <span className="dim">{isAsked ? 'no answer' : '…'}</span> : number(status.waitingEvents),
  },
  {
    name: 'Delivered',
    right: true,
    cell: ({ status }) => (status === undefined ? '–' : number(status.counts.delivered)),
  },
  { name: 'Dead letters', right: true, cell: ({ deadLetters }) => number(deadLetters) },
  ...(begin === undefined
    ? []
    : [
        {
          name: 'Actions',
          cell: ({ lane, state }: Lane) => {
            const signal = state === 'Paused' ? 'resume' : 'pause';
            const word = signal === 'pause' ? 'Pause' : 'Resume';
            return (
              <Button
                size="xs"
                variant="default"
                aria-label={`${word} lane ${lane}`}
                onClick={() => begin({ signal, lane })}
              >
                {word}
              </Button>
            );
          },
        },
      ]),
];

/** The lanes of a destination that are open. */
function LaneList({ id }: { id: string }) {
  const { mayManage } = useWho();
  const of = useFilters(['state']);
  const [deed, setDeed] = useState<Deed>();
  const list = usePaged<Lane, LanePage>(`/v1${destinationPath(id)}/lanes`, {
    query: of.filters,
    rowsOf: (page) => page.lanes,
    refetchInterval: 10_000,
    // One lane that does not answer would keep all others waiting for seconds.
    ...(!tellsApart.includes(of.filters.state) && { quick: { withStatus: false } }),
  });
  const isAsked = list.query.data !== undefined && !list.query.isPlaceholderData;
  return (
    <>
      <Filters label="Search lanes" of={of} submit="Show">
        {(draft, set) => (
          <SelectField
            name="state"
            label={labels.state}
            value={draft.state}
            onChange={set('state')}
            options={[{ value: '', label: 'any' }, ...states.map((value) => ({ value, label: value }))]}
          />
        )}
      </Filters>
      <PagedTable
        caption="lanes"
        columns={columnsWith(isAsked, mayManage ? setDeed : undefined)}
        list={list}
        keyOf={({ workflowId }) => workflowId}
        empty={
          isFiltered(of.filters) ? (
            <NoMatch what="open lane" filters={of.filters} labels={labels} />
          ) : (
            <Empty title="No lane is open">
              A lane opens with the first event of its partition key, and closes some time after the last was delivered.
            </Empty>
          )
        }
      />
      {deed !== undefined && (
        <Confirm
          title={`${deed.signal === 'pause' ? 'Pause' : 'Resume'} lane ${deed.lane}`}
          confirm={deed.signal === 'pause' ? 'Pause it' : 'Resume it'}
          withReason
          onConfirm={(reason) =>
            ask(`/v1${destinationPath(id)}/${deed.signal}`, {
              method: 'POST',
              body: { lane: deed.lane, ...(reason !== undefined && { reason }) },
            })
          }
          onClose={() => setDeed(undefined)}
        >
          <p>
            {deed.signal === 'pause'
              ? 'This lane alone: its events are accepted and wait, in order.'
              : 'What waits in it is sent, in order.'}
          </p>
        </Confirm>
      )}
    </>
  );
}
