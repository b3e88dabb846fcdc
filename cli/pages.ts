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
