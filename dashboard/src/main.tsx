import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { ApiProblem } from './api/client.ts';
import { watchSession } from './api/session.ts';
import { App } from './app.tsx';
import { Notices } from './pieces/notices.tsx';
import './style/index.css';

const client: QueryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2_000,
      refetchOnWindowFocus: true,
      // What was refused stays refused; what could not be asked may be, soon. Of Temporal the API has asked again for seconds already.
      retry: (tries, error) => {
        const { status, code } = error instanceof ApiProblem ? error.problem : { status: 500, code: undefined };
        return tries < 2 && (status === 0 || status >= 500) && code !== 'temporal_unavailable';
      },
    },
  },
});

watchSession(client);

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
