import { Button, Checkbox } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { usePaged } from '../../api/paged.ts';
import type { DeadLetter, DeadLetterPage } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Filters, useFilters } from '../../pieces/filters.tsx';
import { SelectField, TextField, TimeField } from '../../pieces/form.tsx';
import { counted, size } from '../../pieces/format.ts';
import { type Deed, LettersDialog } from '../../pieces/letters.tsx';
import { ButtonLink, deliveryPath, destinationPath } from '../../pieces/link.tsx';
import { timeIn } from '../../pieces/localTime.ts';
import { Page } from '../../pieces/page.tsx';
import { Alert, Empty } from '../../pieces/problem.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';
import { AllDialog } from './all.tsx';
import { letterKey } from './chosen.ts';
import { parkingErrors } from './errors.ts';
import { type Selection, useSelection } from './selection.ts';

const names = ['destinationId', 'customerExternalId', 'error', 'parkedFrom', 'parkedTo'] as const;
const pageSize = 50;
const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** What can not be delivered: seen, sent again, or given up. */
export default function DeadLetters() {
  const who = useWho();
  const { filters, setFilters } = useFilters(names);
  // What is no time is as if it was not there.
  const times = { parkedFrom: timeIn(filters.parkedFrom) ?? '', parkedTo: timeIn(filters.parkedTo) ?? '' };
  const of = { filters: { ...filters, ...times }, setFilters };
  const filter = of.filters;
  return (
    <Page
      title="Dead letters"
      lead={`Events that were refused for good, and wait for you. Times are in the zone ${zone}.`}
      actions={<ButtonLink to="/replays">Replays under way</ButtonLink>}
    >
      <Filters label="Search dead letters" of={of}>
        {(draft, set) => (
          <>
            <TextField
              name="destinationId"
              label="Destination id"
              placeholder="dst_…"
              value={draft.destinationId}
              onChange={set('destinationId')}
            />
            {!who.isPortal && (
              <TextField
                name="customerExternalId"
                label="Customer"
                value={draft.customerExternalId}
                onChange={set('customerExternalId')}
              />
            )}
            <SelectField
              name="error"
              label="Error"
              value={draft.error}
              onChange={set('error')}
              options={[{ value: '', label: 'any' }, ...parkingErrors.map((value) => ({ value, label: value }))]}
            />
            <TimeField name="parkedFrom" label="Parked from" value={draft.parkedFrom} onChange={set('parkedFrom')} />
            <TimeField name="parkedTo" label="Parked before" value={draft.parkedTo} onChange={set('parkedTo')} />
          </>
        )}
      </Filters>
      <Letters key={JSON.stringify(filter)} filter={filter} />
    </Page>
  );
}

/** '' where it does not narrow. */
export type LetterFilter = Record<(typeof names)[number], string>;

function Letters({ filter }: { filter: LetterFilter }) {
  const { mayReplay, customerExternalId } = useWho();
  const [deed, setDeed] = useState<Deed | 'all'>();
  const list = usePaged<DeadLetter, DeadLetterPage>('/v1/dead-letters', {
    query: { ...filter, limit: pageSize },
    rowsOf: (page) => page.deadLetters,
    refetchInterval: 20_000,
  });
  const unanswered = list.query.data?.unanswered ?? [];
  const chosen = useSelection(list);
  const rows = list.rows ?? [];
  // A replay of all that match is of one customer, or of one destination.
  const isNarrow = filter.destinationId !== '' || (customerExternalId ?? filter.customerExternalId) !== '';
  const columns = mayReplay ? [chooser(chosen), ...letterColumns] : letterColumns;
  return (
    <div className="stack-small">
      {unanswered.length > 0 && (
        <Alert kind="warn" title={`${counted(unanswered.length, 'lane')} with dead letters did not answer`}>
          No worker had time for them; their dead letters are not in this list. Look again in a moment.
        </Alert>
      )}
      {mayReplay && (rows.length > 0 || chosen.letters.length > 0) && (
        <Toolbar rows={rows} chosen={chosen} isNarrow={isNarrow} setDeed={setDeed} />
      )}
      <PagedTable
        caption="dead letters"
        columns={columns}
        list={list}
        keyOf={letterKey}
        empty={
          <Empty title="No dead letters">
            Nothing that matches was refused for good. What is only late is among the lanes of its destination.
          </Empty>
        }
      />
      {deed === 'all' && <AllDialog filter={filter} onDone={chosen.clear} onClose={() => setDeed(undefined)} />}
      {(deed === 'replay' || deed === 'discard') && (
        <LettersDialog
          deed={deed}
          letters={chosen.letters}
          onDone={(done) => chosen.choose(done, false)}
          onClose={() => setDeed(undefined)}
        />
      )}
    </div>
  );
}

type ToolbarProps = {
  rows: readonly DeadLetter[];
  chosen: Selection;
  isNarrow: boolean;
  setDeed: (deed: Deed | 'all') => void;
};

function Toolbar({ rows, chosen, isNarrow, setDeed }: ToolbarProps) {
  const count = chosen.letters.length;
  const many = count > 0 && counted(count, 'dead letter');
  return (
    <div className="row" role="toolbar" aria-label="What to do with dead letters">
      <Checkbox
        label="All on this page"
        checked={chosen.hasAll}
        indeterminate={!chosen.hasAll && chosen.hasSome}
        onChange={(event) => chosen.choose(rows, event.currentTarget.checked)}
      />
      <Button size="xs" disabled={count === 0} onClick={() => setDeed('replay')}>
        Replay {many}
      </Button>
      <Button size="xs" variant="default" disabled={count === 0} onClick={() => setDeed('discard')}>
        Discard {many}
      </Button>
      {count > 0 && (
        <Button size="xs" variant="default" onClick={chosen.clear}>
          Clear selection
        </Button>
      )}
      <Button size="xs" variant="default" disabled={!isNarrow} onClick={() => setDeed('all')}>
        All that match …
      </Button>
      {!isNarrow && <span className="dim small">All that match: once a customer or a destination is given.</span>}
    </div>
  );
}

const chooser = (chosen: Selection): Column<DeadLetter> => ({
  name: 'Chosen',
  cell: (letter) => (
    <Checkbox
      aria-label={`Choose ${letter.eventId} of ${letter.destinationId}`}
      checked={chosen.has(letter)}
      onChange={(event) => chosen.choose([letter], event.currentTarget.checked)}
    />
  ),
});

const letterColumns: readonly Column<DeadLetter>[] = [
  {
    name: 'Event',
    isHead: true,
    cell: ({ eventId, bytes }) => (
      <>
        <Link href={deliveryPath(eventId)} className="mono">
          {eventId}
        </Link>
        <div className="dim small">{size(bytes)}</div>
      </>
    ),
  },
  {
    name: 'Why',
    cell: ({ error }) => (
      <>
        <span className="mono">{error.name}</span>
        <div className="dim small wrap">{error.message}</div>
        <div className="small">{error.remedy}</div>
      </>
    ),
  },
  { name: 'Parked', cell: ({ parkedAt }) => <Time at={parkedAt} /> },
  {
    name: 'Destination',
    cell: ({ destinationId }) => (
      <Link href={destinationPath(destinationId)} className="mono">
        {destinationId}
      </Link>
    ),
  },
  { name: 'Partition key', cell: ({ partitionKey }) => <span className="wrap">{partitionKey}</span> },
];
