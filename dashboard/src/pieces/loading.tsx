import { Skeleton } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { ProblemAlert } from './problem.tsx';

/** Where content will be. */
export const Loading = ({ lines = 4, label = 'Loading' }: { lines?: number; label?: string }) => (
  <div role="status" className="stack-small" data-loading>
    <span className="sr">{label} …</span>
    {Array.from({ length: lines }, (_, n) => (
      // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same.
      <Skeleton key={n} height={n === 0 ? 22 : 16} width={n % 3 === 2 ? '60%' : '100%'} />
    ))}
  </div>
);

type LoadedProps<Data> = { query: UseQueryResult<Data>; lines?: number; children: (data: Data) => ReactNode };

/** What was asked for, once it is there; before that that it is on its way, or why it is not. What is there stays, should a later try fail. */
export function Loaded<Data>({ query, lines = 4, children }: LoadedProps<Data>) {
  const { data, error, refetch } = query;
  if (data === undefined && error === null) return <Loading lines={lines} />;
  return (
    <>
      {error !== null && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {data !== undefined && children(data)}
    </>
  );
}
