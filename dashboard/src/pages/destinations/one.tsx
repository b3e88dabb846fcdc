import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link, useLocation, useParams } from 'wouter';
import { ask } from '../../api/client.ts';
import type { Destination } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { destinationPath } from '../../pieces/link.tsx';
import { Loaded } from '../../pieces/loading.tsx';
import { Page } from '../../pieces/page.tsx';
import { Status } from '../../pieces/status.tsx';

/** What one can look at of a destination, or do. */
const parts = [
  { end: '', name: 'State', isChange: false },
  { end: '/lanes', name: 'Lanes', isChange: false },
  { end: '/test', name: 'Test', isChange: true },
  { end: '/rotate', name: 'Rotate credentials', isChange: true },
  { end: '/edit', name: 'Edit', isChange: true },
] as const;

export function settingState({ enabled, paused }: Pick<Destination, 'enabled' | 'paused'>): string {
  if (!enabled) return 'disabled';
  return paused ? 'paused' : 'enabled';
}

/** The log of a lane is under the list of lanes. */
const isAt = (here: string, to: string): boolean => here === to || (to.endsWith('/lanes') && `${here}s` === to);

type Props = { actions?: (destination: Destination) => ReactNode; children: (destination: Destination) => ReactNode };

/** Around every page about one destination: its name, its state, and the way to the other pages about it. */
export function OneDestination({ actions, children }: Props) {
  const { id = '' } = useParams();
  const [here] = useLocation();
  const { mayManage } = useWho();
  const path = destinationPath(id);
  const destination = useQuery({
    queryKey: ['destination', id],
    queryFn: ({ signal }) => ask<Destination>(`/v1${path}`, { signal }),
    refetchInterval: 10_000,
  });
  const { data } = destination;
  const lead = data && (
    <span className="row">
      <Status of={settingState(data)} />
      <span>{data.customerExternalId}</span>
      <span className="mono dim">{data.topic}</span>
    </span>
  );
  return (
    <Page title={data?.name ?? 'Destination'} lead={lead} actions={data && actions?.(data)}>
      <nav className="tabs" aria-label="About this destination">
        {parts
          .filter(({ isChange }) => mayManage || !isChange)
          .map(({ end, name }) => (
            <Link key={end} href={path + end} aria-current={isAt(here, path + end) ? 'page' : undefined}>
              {name}
            </Link>
          ))}
      </nav>
      <Loaded query={destination} lines={8}>
        {children}
      </Loaded>
    </Page>
  );
}
