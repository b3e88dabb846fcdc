import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, type Query } from './client.ts';

/** A page of a list, and how to get to others. */
export type Paged<Row, Page = unknown> = {
  rows: readonly Row[] | undefined;
  query: UseQueryResult<Page>;
  /** From 1. */
  page: number;
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
};

type PagedOptions<Row, Page> = {
  query?: Query;
  rowsOf: (page: Page) => readonly Row[];
  /** In ms; absent: when the page is looked at anew. */
  refetchInterval?: number;
  enabled?: boolean;
  /** Added to the query, it has a page sooner that says less: shown until the whole one is there. */
  quick?: Query;
};

/** One page at a time: nothing ever loads a whole list. Another filter begins with its first page. */
export function usePaged<Row, Page extends { nextCursor?: string | undefined }>(
  path: string,
  { query = {}, rowsOf, refetchInterval, enabled = true, quick }: PagedOptions<Row, Page>,
): Paged<Row, Page> {
  const filter = JSON.stringify([path, query]);
  const [place, setPlace] = useState<{ filter: string; cursors: readonly string[] }>({ filter, cursors: [] });
  const cursors = place.filter === filter ? place.cursors : [];
  const cursor = cursors.at(-1);
  const result = useQuery({
    queryKey: [path, query, cursor ?? ''],
    queryFn: ({ signal }) => ask<Page>(path, { query: { ...query, cursor }, signal }),
    placeholderData: keepPreviousData,
    enabled,
    ...(refetchInterval !== undefined && { refetchInterval }),
  });
  const isWhole = result.data !== undefined && !result.isPlaceholderData;
  const sooner = useQuery({
    queryKey: quick === undefined ? [path, 'no sooner page'] : [path, { ...query, ...quick }, cursor ?? ''],
    queryFn: ({ signal }) => ask<Page>(path, { query: { ...query, ...quick, cursor }, signal }),
    enabled: enabled && quick !== undefined && !isWhole,
    retry: false,
  });
  const data = (isWhole ? undefined : sooner.data) ?? result.data;
  const next = data?.nextCursor;
  const go = (to: readonly string[]) => setPlace({ filter, cursors: to });
  return {
    rows: data && rowsOf(data),
    query: result,
    page: cursors.length + 1,
    next: next === undefined || (data === result.data && !isWhole) ? undefined : () => go([...cursors, next]),
    previous: cursors.length === 0 ? undefined : () => go(cursors.slice(0, -1)),
  };
}
