import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { ask } from '../api/client.ts';
import { useSend } from '../api/send.ts';
import { Dialog } from './dialog.tsx';
import { Form } from './form.tsx';

type MakingProps<Made> = {
  title: string;
  /** What makes it: `POST`. */
  path: string;
  /** Asked for when it is sent. */
  body: () => unknown;
  onMade: (made: Made) => void;
  onClose: () => void;
  children: ReactNode;
};

/** A dialog that asks for what a new thing needs, makes it, and closes. */
export function Making<Made>({ title, path, body, onMade, onClose, children }: MakingProps<Made>) {
  const create = useSend(() => ask<Made>(path, { method: 'POST', body: body() }));
  const send = () =>
    create.mutate(undefined, {
      onSuccess: (made) => {
        onMade(made);
        onClose();
      },
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <Form
        label={title}
        error={create.error}
        busy={create.isPending}
        submit="Create it"
        onSubmit={send}
        actions={
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        }
      >
        {children}
      </Form>
    </Dialog>
  );
}
