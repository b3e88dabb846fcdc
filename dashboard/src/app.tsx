import { type ComponentType, lazy, Suspense } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { identityOf, useSessionQuery } from './api/session.ts';
import { SessionContext } from './api/who.ts';
import { Shell } from './layout/shell.tsx';
import NotFound from './pages/notFound.tsx';
import Portal from './pages/portal.tsx';
import SignIn from './pages/signIn.tsx';
import { Boundary, NotLoaded } from './pieces/boundary.tsx';
import { Loading } from './pieces/loading.tsx';
import { ProblemAlert } from './pieces/problem.tsx';

const page = (load: () => Promise<{ default: ComponentType }>) =>
  lazy(() => load().catch((error: unknown) => Promise.reject(new NotLoaded(error))));

/** Each page is a chunk of its own, which comes when it is gone to. */
const pages: readonly (readonly [path: string, page: ComponentType])[] = [
  ['/overview', page(() => import('./pages/overview.tsx'))],
  ['/destinations', page(() => import('./pages/destinations/list.tsx'))],
  ['/destinations/new', page(() => import('./pages/destinations/create.tsx'))],
  ['/destinations/:id', page(() => import('./pages/destinations/state.tsx'))],
  ['/destinations/:id/lanes', page(() => import('./pages/destinations/lanes.tsx'))],
  ['/destinations/:id/lane', page(() => import('./pages/destinations/laneLog.tsx'))],
  ['/destinations/:id/test', page(() => import('./pages/destinations/test.tsx'))],
  ['/destinations/:id/rotate', page(() => import('./pages/destinations/rotate.tsx'))],
  ['/destinations/:id/edit', page(() => import('./pages/destinations/edit.tsx'))],
  ['/deliveries', page(() => import('./pages/deliveries/list.tsx'))],
  ['/deliveries/:eventId', page(() => import('./pages/deliveries/event.tsx'))],
  ['/dead-letters', page(() => import('./pages/deadLetters/list.tsx'))],
  ['/replays', page(() => import('./pages/replays/list.tsx'))],
  ['/replays/:id', page(() => import('./pages/replays/one.tsx'))],
  ['/event-types', page(() => import('./pages/operators/eventTypes.tsx'))],
  ['/audit', page(() => import('./pages/operators/audit.tsx'))],
  ['/api-keys', page(() => import('./pages/operators/apiKeys.tsx'))],
  ['/portal-links', page(() => import('./pages/operators/portalLinks.tsx'))],
];

/** Whoever is signed in sees the pages; anybody else the one to sign in. */
export function App() {
  const session = useSessionQuery();
  const [path] = useLocation();
  if (path === '/portal') return <Portal />;
  if (session.data === undefined)
    return (
      <div className="sign-in">
        <main className="card">
          <h1 className="sr">Causeway</h1>
          {session.error ? <ProblemAlert error={session.error} onRetry={() => void session.refetch()} /> : <Loading />}
        </main>
      </div>
    );
  if (session.data === null) return <SignIn />;
  return (
    // Another one's pages are begun anew: nothing typed, shown or chosen goes over.
    <SessionContext key={identityOf(session.data)} value={session.data}>
      <Shell>
        <Boundary key={path}>
          <Suspense fallback={<Loading lines={8} />}>
            <Switch>
              {pages.map(([at, page]) => (
                <Route key={at} path={at} component={page} />
              ))}
              {['/', '/sign-in'].map((at) => (
                <Route key={at} path={at}>
                  <Redirect to="/overview" replace />
                </Route>
              ))}
              <Route component={NotFound} />
            </Switch>
          </Suspense>
        </Boundary>
      </Shell>
    </SessionContext>
  );
}
