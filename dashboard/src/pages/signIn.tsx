import { useEffect, useState } from 'react';
import { useSignIn } from '../api/session.ts';
import { Mark } from '../layout/mark.tsx';
import { Form, SecretField } from '../pieces/form.tsx';

/** Signs in with an API key. */
export default function SignIn() {
  const { signIn } = useSignIn();
  const [apiKey, setApiKey] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    document.title = 'Sign in · Causeway';
  }, []);
  const send = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await signIn({ apiKey: apiKey.trim() });
    } catch (refused) {
      setError(refused);
      setBusy(false);
    }
  };
  return (
    <div className="sign-in">
      <main className="card stack">
        <div className="row">
          <span className="brand">
            <Mark />
          </span>
          <h1>Sign in to Causeway</h1>
        </div>
        <Form label="Sign in" error={error} busy={busy} submit="Sign in" onSubmit={() => void send()}>
          <SecretField
            name="apiKey"
            label="API key"
            hint="It begins with cw_. One with the scope “read” sees, one with “manage” changes things, too."
            value={apiKey}
            onChange={setApiKey}
            required
          />
        </Form>
        <p className="dim small">
          <code>npm start</code> puts a key into <code>.causeway/stack.json</code>; <code>causeway keys create</code>{' '}
          makes others. The key is sent once and not kept in this browser: a cookie that no script can read stands for
          it, for twelve hours at the most.
        </p>
        <p className="dim small">You came by a portal link? It has ended: ask for a new one where you got it.</p>
      </main>
    </div>
  );
}
