import { useState } from 'react';
import { ask } from '../../api/client.ts';
import { useSend } from '../../api/send.ts';
import type { ConnectionTest, Destination } from '../../api/types.ts';
import { Form } from '../../pieces/form.tsx';
import { counted } from '../../pieces/format.ts';
import { ButtonLink, destinationPath } from '../../pieces/link.tsx';
import { Alert, Empty } from '../../pieces/problem.tsx';
import { draftOf, newBody, rotationOf } from './draft.ts';
import { AuthFields } from './fields.tsx';
import { OneDestination } from './one.tsx';
import { TestSteps } from './testSteps.tsx';

const stages = ['New secret', 'Test', 'Switch', 'Old one erased'] as const;
type Stage = 0 | 1 | 2 | 3;

const Stages = ({ at }: { at: Stage | 4 }) => (
  <ol className="stages" aria-label="Steps of the rotation">
    {stages.map((name, n) => (
      <li key={name} className={n < at ? 'is-done' : undefined} aria-current={n === at ? 'step' : undefined}>
        {name}
      </li>
    ))}
  </ol>
);

export default function Rotate() {
  return <OneDestination>{(destination) => <Guided key={destination.id} destination={destination} />}</OneDestination>;
}

/** New secret, test, switch, and until the old one is let go of. Nothing changes before the switch. */
function Guided({ destination }: { destination: Destination }) {
  const [stored] = useState(destination);
  const [draft, setDraft] = useState(() => draftOf(stored));
  const auth = rotationOf(stored, draft);
  const path = `/v1${destinationPath(stored.id)}`;
  const test = useSend(() => ask<ConnectionTest>('/v1/destinations/test', { method: 'POST', body: newBody(draft) }));
  const rotate = useSend(() => ask<Destination>(`${path}/rotate`, { method: 'POST', body: { auth } }));
  const set = (change: Partial<typeof draft>) => {
    test.reset(); // What was tested is not what stands there now.
    setDraft((before) => ({ ...before, ...change }));
  };
  if (stored.auth.mode === 'NONE' && !rotate.isSuccess)
    return (
      <div className="card">
        <Empty
          title="It has no credentials"
          action={<ButtonLink to={`${destinationPath(stored.id)}/edit`}>Edit the destination</ButtonLink>}
        >
          Nothing is rotated where brokers are not told who we are. Choose another way to authenticate first.
        </Empty>
      </div>
    );
  if (rotate.isSuccess) return <LettingGo destination={destination} switched={rotate.data} />;
  const hasPassed = test.data?.passed === true;
  return (
    <>
      <Stages at={hasPassed ? 2 : test.isPending || test.data ? 1 : 0} />
      <Form
        label="Rotate credentials"
        error={rotate.error ?? test.error}
        busy={hasPassed ? rotate.isPending : test.isPending}
        submit={hasPassed ? 'Switch to the new credentials' : 'Test the new credentials'}
        onSubmit={() => {
          rotate.reset();
          if (hasPassed) rotate.mutate(undefined);
          else test.mutate(undefined);
        }}
        actions={hasPassed && <span className="dim">They are tested once more, then switched to in one step.</span>}
      >
        <Alert kind="info">
          Make the new secret at the broker first, and let the old one stand. Nothing changes here before the switch.
        </Alert>
        <AuthFields draft={draft} set={set} />
        {(test.isPending || test.data !== undefined) && (
          <section className="card" aria-label="Connection test">
            <TestSteps test={test.data} running={test.isPending} />
          </section>
        )}
      </Form>
    </>
  );
}

type LettingGoProps = { destination: Destination; switched: Destination };

/** After the switch: the old ones are erased here; they are to be revoked at the broker once nobody connects with them. */
function LettingGo({ destination, switched }: LettingGoProps) {
  const now = destination.version >= switched.version ? destination : switched;
  const { earlierCredentials: earlier, id } = now;
  return (
    <>
      <Stages at={earlier === undefined ? 4 : 3} />
      <div role="status" className="stack">
        {earlier === undefined ? (
          <Alert kind="good" title="Done: the old credentials are erased">
            No process of Causeway has them any more. Revoke them at the broker now. Lanes that were suspended go on by
            themselves.
          </Alert>
        ) : (
          <Alert kind="info" title="Switched. The old credentials are being let go of …">
            {counted(earlier.workers, 'process', 'processes')} may still connect with them. Do not revoke them yet: it
            takes some seconds.
          </Alert>
        )}
      </div>
      <div className="row">
        <ButtonLink to={destinationPath(id)}>See the destination</ButtonLink>
      </div>
    </>
  );
}
