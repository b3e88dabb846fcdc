import { useState } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../../api/client.ts';
import { useSend } from '../../api/send.ts';
import type { Destination } from '../../api/types.ts';
import { Form } from '../../pieces/form.tsx';
import { ButtonLink, destinationPath } from '../../pieces/link.tsx';
import { useNotice } from '../../pieces/notices.tsx';
import { changeBody, draftOf } from './draft.ts';
import { AuthFields, DestinationFields, OrderFields } from './fields.tsx';
import { OneDestination } from './one.tsx';

export default function Edit() {
  return <OneDestination>{(destination) => <EditForm key={destination.id} stored={destination} />}</OneDestination>;
}

/** Changes a destination, unless somebody else has meanwhile. */
function EditForm({ stored }: { stored: Destination }) {
  // As it was when editing began: what is changed is told apart from it, and its version is the one that is to be changed.
  const [before] = useState(stored);
  const [draft, setDraft] = useState(() => draftOf(before));
  const [, go] = useLocation();
  const notice = useNotice();
  const path = destinationPath(before.id);
  const save = useSend(() =>
    ask<Destination>(`/v1${path}`, {
      method: 'PATCH',
      body: changeBody(before, draft),
      ifMatch: `"${before.version}"`,
    }),
  );
  const set = (change: Partial<typeof draft>) => setDraft((was) => ({ ...was, ...change }));
  const send = () =>
    save.mutate(undefined, {
      onSuccess: () => {
        notice('Saved. Workers use it within a second.');
        go(path);
      },
    });
  return (
    <Form
      label="Edit the destination"
      error={save.error}
      busy={save.isPending}
      submit="Save"
      onSubmit={send}
      actions={<ButtonLink to={path}>Cancel</ButtonLink>}
    >
      <DestinationFields draft={draft} set={set} asks="nothing" />
      <AuthFields draft={draft} set={set} secretsSet={before.auth.secretsSet} />
      <OrderFields draft={draft} set={set} isNew={false} />
    </Form>
  );
}
