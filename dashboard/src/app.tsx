import { type ComponentType, lazy, Suspense } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { identityOf, useSessionQuery } from './api/session.ts';
import { SessionContext } from './api/who.ts';
import { Shell } from './layout/shell.tsx';
import NotFound from './pages/notFound.tsx';
import Portal from './pages/portal.tsx';
import SignIn from './pages/signIn.tsx';
import { Boundary } from './pieces/boundary.tsx';
import { Loading } from './pieces/loading.tsx';
import { ProblemAlert } from './pieces/problem.tsx';

/** Each page is a chunk of its own, which comes when it is gone to. */
const pages: readonly (readonly [path: string, page: ComponentType])[] = [
  ['/overview', lazy(() => import('./pages/overview.tsx'))],
  ['/destinations', lazy(() => import('./pages/destinations/list.tsx'))],
  ['/destinations/new', lazy(() => import('./pages/destinations/create.tsx'))],
  ['/destinations/:id', lazy(() => import('./pages/destinations/state.tsx'))],
  ['/destinations/:id/lanes', lazy(() => import('./pages/destinations/lanes.tsx'))],
  ['/destinations/:id/lane', lazy(() => import('./pages/destinations/laneLog.tsx'))],
  ['/destinations/:id/test', lazy(() => import('./pages/destinations/test.tsx'))],
  ['/destinations/:id/rotate', lazy(() => import('./pages/destinations/rotate.tsx'))],
  ['/destinations/:id/edit', lazy(() => import('./pages/destinations/edit.tsx'))],
  ['/deliveries', lazy(() => import('./pages/deliveries/list.tsx'))],
  ['/deliveries/:eventId', lazy(() => import('./pages/deliveries/event.tsx'))],
  ['/dead-letters', lazy(() => import('./pages/deadLetters/list.tsx'))],
  ['/replays', lazy(() => import('./pages/replays/list.tsx'))],
  ['/replays/:id', lazy(() => import('./pages/replays/one.tsx'))],
  ['/event-types', lazy(() => import('./pages/operators/eventTypes.tsx'))],
  ['/audit', lazy(() => import('./pages/operators/audit.tsx'))],
  ['/api-keys', lazy(() => import('./pages/operators/apiKeys.tsx'))],
  ['/portal-links', lazy(() => import('./pages/operators/portalLinks.tsx'))],
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
