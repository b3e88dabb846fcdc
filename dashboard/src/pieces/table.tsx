import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Paged } from '../api/paged.ts';
import { Loading } from './loading.tsx';
import { ProblemAlert } from './problem.tsx';

export type Column<Row> = {
  name: string;
  cell: (row: Row) => ReactNode;
  right?: boolean;
  /** Names its row to a screen reader. */
  isHead?: boolean;
};

type TableProps<Row> = {
  /** What it is a table of; for a screen reader, for the heading says it already. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
};

/** On a narrow screen each row is a card, with the name of the column before each value. So roles are spelled out: CSS would take them away. */
export function Table<Row>({ caption, columns, rows, keyOf }: TableProps<Row>) {
  return (
    // biome-ignore lint/a11y/noRedundantRoles: `display: block` takes the role away.
    <table className="table" role="table">
      <caption className="sr">{caption}</caption>
      {/* biome-ignore lint/a11y/noRedundantRoles: the same. */}
      <thead role="rowgroup">
        {/* biome-ignore lint/a11y/noRedundantRoles: the same. */}
        <tr role="row">
          {columns.map(({ name, right }) => (
            // biome-ignore lint/a11y/noRedundantRoles: the same.
            <th key={name} scope="col" role="columnheader" className={right ? 'right' : undefined}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      {/* biome-ignore lint/a11y/noRedundantRoles: the same. */}
      <tbody role="rowgroup">
        {rows.map((row) => (
          // biome-ignore lint/a11y/noRedundantRoles: the same.
          <tr key={keyOf(row)} role="row">
            {columns.map((column) => (
              <Cell key={column.name} column={column} row={row} />
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Cell<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const { name, cell, right, isHead } = column;
  const className = right ? 'right' : undefined;
  // One element, so that on a narrow screen it is one cell of the grid beside the name.
  const content = <div>{cell(row)}</div>;
  if (isHead)
    return (
      // biome-ignore lint/a11y/noRedundantRoles: `display: grid` takes the role away.
      <th scope="row" role="rowheader" data-name={name} className={className}>
        {content}
      </th>
    );
  return (
    // biome-ignore lint/a11y/noRedundantRoles: `display: grid` takes the role away.
    <td role="cell" data-name={name} className={className}>
      {content}
    </td>
  );
}

type PagedFrameProps<Row> = {
  list: Paged<Row>;
  caption: string;
  /** Shown in place of the rows where the list is empty. */
  empty: ReactNode;
  children: (rows: readonly Row[]) => ReactNode;
};

/** Around a list that the API gives page by page: that it is on its way, or why it is not, and the way to its other pages. */
export function PagedFrame<Row>({ list, caption, empty, children }: PagedFrameProps<Row>) {
  const { rows, query, page, next } = list;
  const { error, isFetching } = query;
  if (rows === undefined && error === null)
    return (
      <div className="card">
        <Loading lines={6} label={`Loading ${caption}`} />
      </div>
    );
  return (
    <div className="stack-small">
      {error !== null && <ProblemAlert error={error} onRetry={() => void query.refetch()} />}
      {(rows !== undefined || page > 1) && (
        <div className="table-frame" aria-busy={isFetching}>
          {rows?.length === 0 && page === 1 && next === undefined ? empty : rows && children(rows)}
          <Pager list={list} caption={caption} />
        </div>
      )}
    </div>
  );
}

function Pager<Row>({ list, caption }: { list: Paged<Row>; caption: string }) {
  const { rows, page, next, previous, isPreviousFirst } = list;
  if (page === 1 && next === undefined) return undefined;
  return (
    <nav className="pager" aria-label={`Pages of ${caption}`}>
      <span className="dim small" aria-live="polite">
        Page {page}
        {rows?.length === 0 && ': nothing on it; there may be more on the next'}
      </span>
      <Button size="xs" variant="default" disabled={previous === undefined} onClick={previous}>
        {page > 2 && isPreviousFirst ? 'First page' : 'Previous page'}
      </Button>
      <Button size="xs" variant="default" disabled={next === undefined} onClick={next}>
        Next page
      </Button>
    </nav>
  );
}

type PagedTableProps<Row> = Omit<TableProps<Row>, 'rows'> & Omit<PagedFrameProps<Row>, 'children'>;

/** A table of a list that the API gives page by page. */
export const PagedTable = <Row,>({ list, empty, ...table }: PagedTableProps<Row>) => (
  <PagedFrame list={list} empty={empty} caption={table.caption}>
    {(rows) => <Table {...table} rows={rows} />}
  </PagedFrame>
);
