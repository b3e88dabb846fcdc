import { useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiProblem, ask, setCsrfToken } from './client.ts';
import type { Session } from './types.ts';

export const sessionKey = ['session'] as const;
const path = '/v1/session';

/** Who is signed in; null where nobody is. */
export function useSessionQuery() {
  return useQuery({
    queryKey: sessionKey,
    queryFn: async ({ signal }): Promise<Session | null> => {
      try {
        return taken(await ask<Session>(path, { signal }));
      } catch (error) {
        if (error instanceof ApiProblem && error.problem.status === 401) return taken(null);
        throw error;
      }
    },
    staleTime: 60_000,
    refetchInterval: 5 * 60_000,
  });
}

function taken<Found extends Session | null>(session: Found): Found {
  setCsrfToken(session?.csrfToken);
  return session;
}

/** Signs in, and out. Each throws {@link ApiProblem}. */
export function useSignIn() {
  const client = useQueryClient();
  /** Nothing stays of who was signed in before. The session's own query does, for what is shown hangs on it. */
  const become = (session: Session | null): void => {
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] });
    client.setQueryData(sessionKey, taken(session));
  };
  return {
    async signIn(by: { apiKey: string } | { portalToken: string }): Promise<void> {
      become(await ask<Session>(path, { method: 'POST', body: by }));
    },
    async signOut(): Promise<void> {
      await ask(path, { method: 'DELETE' }).catch((error: unknown) => {
        if (!(error instanceof ApiProblem) || error.problem.status !== 401) throw error; // It was over already.
      });
      become(null);
    },
  };
}
