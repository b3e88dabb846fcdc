import { useEffect, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import { useSignIn } from '../api/session.ts';
import { Loading } from '../pieces/loading.tsx';
import { Alert, ProblemAlert } from '../pieces/problem.tsx';

/** Where a portal link leads: its token, which is in the fragment and so in nobody's log, becomes a session. */
export default function Portal() {
  const { signIn } = useSignIn();
  const [, go] = useLocation();
  const [error, setError] = useState<unknown>();
  const token = useRef(location.hash.slice(1));
  const begun = useRef(false);
  useEffect(() => {
    document.title = 'Opening · Causeway';
    if (begun.current || token.current === '') return;
    begun.current = true;
    history.replaceState(null, '', '/portal'); // It stays in no history.
    signIn({ portalToken: token.current }).then(() => go('/overview', { replace: true }), setError);
  }, [signIn, go]);
  return (
    <div className="sign-in">
      <main className="card stack">
        <h1>Your deliveries</h1>
        {token.current === '' && (
          <Alert kind="warn" title="This is not the whole link">
            Open the link again from where you got it: what stands after # is missing.
          </Alert>
        )}
        {Boolean(error) && (
          <>
            <ProblemAlert error={error} />
            <p>Ask for a new link where you got this one: each opens for a limited time.</p>
          </>
        )}
        {token.current !== '' && !error && <Loading label="Opening your link" />}
      </main>
    </div>
  );
}
