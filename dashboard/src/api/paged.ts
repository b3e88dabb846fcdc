import { keepPreviousData, type UseQueryResult, useQuery } from '@tanstack/react-query';
import { useSearchParams } from 'wouter';
import { ask, type Query } from './client.ts';

/** A page of a list, and how to get to others. */
export type Paged<Row, Page = unknown> = {
  rows: readonly Row[] | undefined;
  query: UseQueryResult<Page>;
  /** From 1. */
  page: number;
  next: (() => void) | undefined;
  previous: (() => void) | undefined;
  /** Whether `previous` leads to the first page: of an address that was loaded it is not known what was before. */
  isPreviousFirst: boolean;
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

/** In the address: the page, and the cursor that it has. */
const place = { page: 'page', cursor: 'at' } as const;

/** The same address, at the first page of its list: for another filter. */
export function withoutPlace(params: URLSearchParams): URLSearchParams {
  const first = new URLSearchParams(params);
  for (const name of Object.values(place)) first.delete(name);
  return first;
}

/** Of cursors that were come to, the one of the page before; undefined where that is the first one. */
const before = new Map<string, string | undefined>();
const beforeMax = 1_000;

/** Which page of its list the address is at: who comes back to it finds the same one. */
function usePlace() {
  const [params, setParams] = useSearchParams();
  const cursor = params.get(place.cursor) ?? undefined;
  const number = Number(params.get(place.page));
  const page = cursor === undefined ? 1 : Number.isSafeInteger(number) && number > 1 ? number : 2;
  const go = (to: number, at: string | undefined) =>
    setParams((now) => {
      const after = withoutPlace(now);
      if (at === undefined) return after;
      after.set(place.page, String(to));
      after.set(place.cursor, at);
      return after;
    });
  const known = cursor === undefined ? undefined : before.get(cursor);
  return {
    ...{ cursor, page, isPreviousFirst: known === undefined },
    next(to: string): void {
      if (before.size >= beforeMax) before.clear();
      before.set(to, cursor);
      go(page + 1, to);
    },
    previous: (): void => go(page - 1, known),
  };
}

/** One page at a time: nothing ever loads a whole list. Another filter begins with its first page (`withoutPlace`). */
export function usePaged<Row, Page extends { nextCursor?: string | undefined }>(
  path: string,
  { query = {}, rowsOf, refetchInterval, enabled = true, quick }: PagedOptions<Row, Page>,
): Paged<Row, Page> {
  const { cursor, page, isPreviousFirst, ...go } = usePlace();
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
  return {
    rows: data && rowsOf(data),
    query: result,
    page,
    next: next === undefined || (data === result.data && !isWhole) ? undefined : () => go.next(next),
    previous: page === 1 ? undefined : go.previous,
    isPreviousFirst,
  };
}
