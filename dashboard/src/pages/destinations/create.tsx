import { Button } from '@mantine/core';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ask } from '../../api/client.ts';
import { useSend } from '../../api/send.ts';
import type { ConnectionTest, Destination } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Form } from '../../pieces/form.tsx';
import { ButtonLink, destinationPath } from '../../pieces/link.tsx';
import { useNotice } from '../../pieces/notices.tsx';
import { Page } from '../../pieces/page.tsx';
import { emptyDraft, newBody } from './draft.ts';
import { AuthFields, DestinationFields, OrderFields } from './fields.tsx';
import { TestSteps } from './testSteps.tsx';

/** Makes a destination; its connection can be tested before. */
export default function Create() {
  const { customerExternalId: own } = useWho();
  const [draft, setDraft] = useState({ ...emptyDraft, customerExternalId: own ?? '' });
  const [, go] = useLocation();
  const notice = useNotice();
  const test = useSend(() => ask<ConnectionTest>('/v1/destinations/test', { method: 'POST', body: newBody(draft) }));
  const create = useSend(() => ask<Destination>('/v1/destinations', { method: 'POST', body: newBody(draft) }));
  const set = (change: Partial<typeof draft>) => {
    test.reset(); // What was tested is not what stands there now.
    setDraft((before) => ({ ...before, ...change }));
  };
  const send = () =>
    create.mutate(undefined, {
      onSuccess: ({ id, name }) => {
        notice(`“${name}” is created.`);
        go(`${destinationPath(id)}/test`);
      },
    });
  return (
    <Page
      title="Create a destination"
      lead="A topic in a customer's Kafka. What you enter is tested before or after, as you like."
      actions={<ButtonLink to="/destinations">Cancel</ButtonLink>}
    >
      <Form
        label="Create a destination"
        error={create.error ?? test.error}
        busy={create.isPending}
        submit="Create it"
        onSubmit={send}
        actions={
          <Button
            variant="default"
            loading={test.isPending}
            disabled={create.isPending}
            onClick={() => {
              create.reset();
              test.mutate(undefined);
            }}
          >
            Test the connection first
          </Button>
        }
      >
        <DestinationFields draft={draft} set={set} asks={own === undefined ? 'customer' : 'nothing'} />
        <AuthFields draft={draft} set={set} />
        <OrderFields draft={draft} set={set} isNew />
        {(test.isPending || test.data !== undefined) && (
          <section className="card" aria-label="Connection test">
            <TestSteps test={test.data} running={test.isPending} />
          </section>
        )}
      </Form>
    </Page>
  );
}
