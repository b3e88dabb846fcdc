import { Link } from 'wouter';
import { usePaged } from '../../api/paged.ts';
import type { AuditEntry, AuditPage } from '../../api/types.ts';
import { Filters, useFilters } from '../../pieces/filters.tsx';
import { TextField } from '../../pieces/form.tsx';
import { destinationPath } from '../../pieces/link.tsx';
import { Page } from '../../pieces/page.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';

const pathOf = (subject: string): string | undefined => {
  if (subject.startsWith('dst_')) return destinationPath(subject);
  return subject.startsWith('rpl_') ? `/replays/${encodeURIComponent(subject)}` : undefined;
};

function Subject({ subject }: { subject: string }) {
  const path = pathOf(subject);
  if (path === undefined) return <span className="mono">{subject}</span>;
  return (
    <Link href={path} className="mono">
      {subject}
    </Link>
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const columns: readonly Column<AuditEntry>[] = [
  { name: 'When', cell: ({ at }) => <Time at={at} /> },
  { name: 'What', isHead: true, cell: ({ action }) => <span className="mono">{action}</span> },
  { name: 'Of', cell: ({ subject }) => <Subject subject={subject} /> },
  {
    name: 'By',
    cell: ({ by }) => (
      <>
        {by.keyId === undefined ? by.name : <Link href={`/audit?keyId=${by.keyId}`}>{by.name}</Link>}
        {by.address !== undefined && <div className="dim small">{by.address}</div>}
      </>
    ),
  },
  {
    name: 'Details',
    cell: ({ detail }) => (
      <ul className="plain small">
        {Object.entries(detail).map(([name, value]) => (
          <li key={name} className="wrap">
            <span className="dim">{name}:</span> {textOf(value)}
          </li>
        ))}
      </ul>
    ),
  },
];

/** Who did what, and when. */
export default function Audit() {
  const of = useFilters(['subject', 'keyId']);
  const list = usePaged<AuditEntry, AuditPage>('/v1/audit', {
    query: of.filters,
    rowsOf: (page) => page.entries,
    refetchInterval: 15_000,
  });
  return (
    <Page title="Audit trail" lead="Every change: what was done, by whom, from where. Nothing removes an entry.">
      <Filters label="Search the audit trail" of={of}>
        {(draft, set) => (
          <>
            <TextField
              name="subject"
              label="Of: an id"
              placeholder="dst_…, rpl_… or key_…"
              value={draft.subject}
              onChange={set('subject')}
            />
            <TextField
              name="keyId"
              label="By: the API key's id"
              placeholder="key_…"
              value={draft.keyId}
              onChange={set('keyId')}
            />
          </>
        )}
      </Filters>
      <PagedTable
        caption="audit entries"
        columns={columns}
        list={list}
        keyOf={({ at, action, subject, by }) => [at, action, subject, by.requestId].join()}
        empty={<Empty title="Nothing was done yet">Or nothing that matches: clear the search to see all.</Empty>}
      />
    </Page>
  );
}
