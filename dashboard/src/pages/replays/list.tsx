import { Link } from 'wouter';
import { usePaged } from '../../api/paged.ts';
import type { ListedReplay, ReplayPage } from '../../api/types.ts';
import { number } from '../../pieces/format.ts';
import { ButtonLink } from '../../pieces/link.tsx';
import { Page } from '../../pieces/page.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { type Column, PagedTable } from '../../pieces/table.tsx';
import { Time } from '../../pieces/time.tsx';
import { deeds } from './deeds.ts';

/** What a replay was to send, or give up, in a line. */
export const selectorText = ({ status, ...selector }: ListedReplay['selector']): string =>
  [
    status,
    ...Object.entries(selector).flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`])),
  ].join(' · ');

const columns: readonly Column<ListedReplay>[] = [
  {
    name: 'Replay',
    isHead: true,
    cell: ({ id, action, dryRun }) => (
      <>
        <Link href={`/replays/${id}`} className="mono">
          {id}
        </Link>
        <div className="small">{dryRun ? 'a count, nothing changed' : deeds[action].name}</div>
      </>
    ),
  },
  { name: 'State', cell: ({ progress }) => (progress ? <Status of={progress.status} /> : <Status of="expired" />) },
  { name: 'What', cell: ({ selector }) => <span className="wrap">{selectorText(selector)}</span> },
  {
    name: 'Events',
    right: true,
    cell: ({ progress }) =>
      progress?.events === undefined
        ? '–'
        : `${number(progress.events)}${progress.total === undefined ? '' : ` of ${number(progress.total)}`}`,
  },
  {
    name: 'Asked',
    cell: ({ askedAt, by, reason }) => (
      <>
        <Time at={askedAt} />
        <div className="small">by {by}</div>
        {reason !== undefined && <div className="dim small wrap">{reason}</div>}
      </>
    ),
  },
];

/** What was sent again or given up in the background, and what is. */
export default function Replays() {
  const list = usePaged<ListedReplay, ReplayPage>('/v1/replays', {
    rowsOf: (page) => page.replays,
    refetchInterval: 5_000,
  });
  return (
    <Page title="Replays" lead="Events that were sent again, or given up, in the background; and how far each is.">
      <PagedTable
        caption="replays"
        columns={columns}
        list={list}
        keyOf={({ id, askedAt }) => id + askedAt}
        empty={
          <Empty title="No replay yet" action={<ButtonLink to="/dead-letters">Go to the dead letters</ButtonLink>}>
            A replay begins at the dead letters: choose all that match, see how many they are, and send them again, or
            discard them.
          </Empty>
        }
      />
    </Page>
  );
}
