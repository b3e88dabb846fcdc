import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiProblem } from './api/client.ts';
import { sessionKey } from './api/session.ts';
import { App } from './app.tsx';
import { Notices } from './pieces/notices.tsx';
import './style/index.css';

const client: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      // What was refused stays refused; what could not be asked may be, soon.
      retry: (tries, error) => {
        const status = error instanceof ApiProblem ? error.problem.status : 500;
        return tries < 2 && (status === 0 || status >= 500);
      },
    },
  },
});

// The session has ended meanwhile: the page to sign in, wherever one is.
client.getQueryCache().subscribe(({ query, type }) => {
  if (type !== 'updated' || !(query.state.error instanceof ApiProblem)) return;
  const isOver = query.state.error.problem.status === 401 && query.queryKey[0] !== sessionKey[0];
  if (isOver && client.getQueryData(sessionKey) !== null) client.setQueryData(sessionKey, null);
});

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <StrictMode>
      {/* Its style elements are left out: our content security policy forbids them, and style/tokens.css has what they would say. */}
      <MantineProvider
        defaultColorScheme="auto"
        colorSchemeManager={localStorageColorSchemeManager({ key: 'causeway-colours' })}
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <QueryClientProvider client={client}>
          <Notices>
            <App />
          </Notices>
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
