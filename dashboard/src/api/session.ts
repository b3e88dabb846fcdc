import { type Query, type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiProblem, ask, setCsrfToken, whenCsrfRefused } from './client.ts';
import type { Session } from './types.ts';

export const sessionKey = ['session'] as const;
const path = '/v1/session';

export const isOfSession = ({ queryKey }: Pick<Query, 'queryKey'>): boolean => queryKey[0] === sessionKey[0];

/** Changes where somebody else is signed in, or the same one anew. */
export const identityOf = (session: Session | null): string =>
  session === null
    ? ''
    : JSON.stringify([session.kind, session.name, session.customerExternalId ?? null, session.csrfToken]);

/**
 * Lets nothing stay of who was signed in before, however the session has changed: here, or in another tab, which has the same cookie.
 * Asks who is signed in once the API says that the token is another one's.
 */
export function watchSession(client: QueryClient): void {
  let last: string | undefined;
  client.getQueryCache().subscribe(({ query, type }) => {
    if (type !== 'updated') return;
    if (isOfSession(query)) {
      if (query.state.data === undefined) return;
      const now = identityOf(query.state.data as Session | null); // What the query below answers.
      if (now !== last && last !== undefined) purge(client);
      last = now;
      return;
    }
    // The session has ended meanwhile: the page to sign in, wherever one is.
    const isOver = query.state.error instanceof ApiProblem && query.state.error.problem.status === 401;
    if (isOver && client.getQueryData(sessionKey) !== null) client.setQueryData(sessionKey, taken(null));
  });
  whenCsrfRefused(() => void client.invalidateQueries({ queryKey: sessionKey }));
}

function purge(client: QueryClient): void {
  client.removeQueries({ predicate: (query) => !isOfSession(query) });
  client.getMutationCache().clear();
}

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
    // Somebody may have signed in as another one in another tab.
    refetchOnWindowFocus: 'always',
  });
}

function taken<Found extends Session | null>(session: Found): Found {
  setCsrfToken(session?.csrfToken);
  return session;
}

/** Signs in, and out. Each throws {@link ApiProblem}. */
export function useSignIn() {
  const client = useQueryClient();
  const become = async (session: Session | null): Promise<void> => {
    // One that was asked for before would say who was signed in then.
    await client.cancelQueries({ queryKey: sessionKey });
    client.setQueryData(sessionKey, taken(session));
    purge(client); // Even where the same one is signed in anew.
  };
  return {
    async signIn(by: { apiKey: string } | { portalToken: string }): Promise<void> {
      await become(await ask<Session>(path, { method: 'POST', body: by }));
    },
    async signOut(): Promise<void> {
      await ask(path, { method: 'DELETE' }).catch((error: unknown) => {
        if (!(error instanceof ApiProblem) || error.problem.status !== 401) throw error; // It was over already.
      });
      await become(null);
    },
  };
}
