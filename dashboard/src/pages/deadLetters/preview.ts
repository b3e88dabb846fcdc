import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { ask } from '../../api/client.ts';
import { useRequestKey } from '../../api/requestKey.ts';
import type { Replay } from '../../api/types.ts';

const pollMs = 700;

/** A dry run: it counts what a replay would send. It ends with whoever waits for it. */
export function usePreview(selector: Record<string, string | undefined>) {
  const key = useRequestKey();
  const client = useQueryClient();
  const begun = useQuery({
    queryKey: ['preview', key],
    queryFn: async ({ signal }) => {
      const body = { ...selector, dryRun: true };
      // Not ended by the signal: what the API has begun can be stopped only by its id.
      const preview = await ask<Replay>('/v1/replays', { method: 'POST', body, idempotencyKey: key });
      if (signal.aborted) stop(preview.id);
      return preview;
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const id = begun.data?.id;
  const counting = useQuery({
    queryKey: ['replay', id],
    queryFn: ({ signal }) => ask<Replay>(`/v1/replays/${id}`, { signal }),
    enabled: id !== undefined,
    refetchInterval: ({ state }) => (state.data?.status === 'running' || !state.data ? pollMs : false),
  });
  useEffect(() => {
    if (id === undefined) return;
    const leave = () => {
      const last = client.getQueryData<Replay>(['replay', id]);
      if (last === undefined || last.status === 'running') stop(id);
    };
    window.addEventListener('pagehide', leave);
    return () => {
      window.removeEventListener('pagehide', leave);
      leave();
    };
  }, [client, id]);
  return { begun, counted: counting };
}

/** One that nobody waits for would keep a customer from the next one: theirs run one at a time. */
function stop(id: string): void {
  const path = `/v1/replays/${encodeURIComponent(id)}/cancel`;
  // Where it can't be stopped it counts on until it is through, and nobody is there to be told.
  ask(path, { method: 'POST', keepalive: true }).catch(() => {});
}
