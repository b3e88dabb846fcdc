import type { z } from 'zod';
import type { Api } from './api.ts';

/** Reads a list page by page until there are `limit` entries, or no more. `pageOf` is given how many are still wanted. */
export async function pagesOf<Page extends { nextCursor?: string | undefined }>(
  limit: number,
  pageOf: (query: string, left: number) => Promise<Page>,
  entriesIn: (page: Page) => readonly unknown[],
): Promise<{ pages: Page[]; isMore: boolean }> {
  const pages: Page[] = [];
  let left = limit;
  let cursor: string | undefined;
  do {
    const page = await pageOf(cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`, left);
    pages.push(page);
    left -= entriesIn(page).length;
    cursor = page.nextCursor;
  } while (cursor !== undefined && left > 0);
  return { pages, isMore: cursor !== undefined };
}

type List<Schema extends z.ZodType, Entry> = {
  /** Without a query. */
  path: string;
  /** As `&name=value`, for each. */
  filter?: string;
  /** How many are wanted. */
  limit: number;
  /** How many the API gives at once at the most. */
  pageSizeMax?: number;
  schema: Schema;
  entriesIn(page: z.output<Schema>): readonly Entry[];
};

/** The first `limit` entries of a list of the API's, and its pages, for what else they say. */
export async function listed<Page extends { nextCursor?: string | undefined }, Entry>(
  api: Api,
  { path, filter = '', limit, pageSizeMax = 100, schema, entriesIn }: List<z.ZodType<Page>, Entry>,
): Promise<{ entries: Entry[]; pages: Page[]; isMore: boolean }> {
  const pageOf = (at: string, left: number): Promise<Page> =>
    api.get(`${path}?limit=${Math.min(left, pageSizeMax)}${filter}${at}`, schema);
  const { pages, isMore } = await pagesOf(limit, pageOf, entriesIn);
  return { entries: pages.flatMap(entriesIn), pages, isMore };
}
