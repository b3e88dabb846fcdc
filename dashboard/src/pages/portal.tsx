import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useSignIn } from '../api/session.ts';
import { Loading } from '../pieces/loading.tsx';
import { Alert, ProblemAlert } from '../pieces/problem.tsx';

type Opening = { is: 'opening' } | { is: 'partial' } | { is: 'refused'; error: unknown };

/** The token in the address; it is taken out of it, and so stays in no history. */
function takenToken(): string | undefined {
  const token = location.hash.slice(1);
  if (token === '') return undefined;
  history.replaceState(null, '', '/portal');
  return token;
}

/** Where a portal link leads: its token, which is in the fragment and so in nobody's log, becomes a session. */
export default function Portal() {
  const { signIn } = useSignIn();
  const [, go] = useLocation();
  const [opening, setOpening] = useState<Opening>(() => ({ is: location.hash.length > 1 ? 'opening' : 'partial' }));
  const turn = useRef(0);
  useEffect(() => {
    document.title = 'Opening · Causeway';
    const open = () => {
      const portalToken = takenToken();
      if (portalToken === undefined) return;
      const own = ++turn.current;
      setOpening({ is: 'opening' });
      signIn({ portalToken }).then(
        () => own === turn.current && go('/overview', { replace: true }),
        (error: unknown) => own === turn.current && setOpening({ is: 'refused', error }),
      );
    };
    open();
    // Another link that is pasted into this tab changes the fragment alone, and loads nothing.
    window.addEventListener('hashchange', open);
    return () => window.removeEventListener('hashchange', open);
  }, [signIn, go]);
  return (
    <div className="sign-in">
      <main className="card stack">
        <h1>Your deliveries</h1>
        {opening.is === 'partial' && (
          <Alert kind="warn" title="This is not the whole link">
            Open the link again from where you got it: what stands after # is missing.
          </Alert>
        )}
        {opening.is === 'refused' && (
          <>
            <ProblemAlert error={opening.error} />
            <p>Ask for a new link where you got this one: each opens for a limited time.</p>
          </>
        )}
        {opening.is === 'opening' && <Loading label="Opening your link" />}
      </main>
    </div>
  );
}
