import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { Dialog } from './dialog.tsx';
import { Form } from './form.tsx';
import { ReasonField } from './reasonField.tsx';

type ConfirmProps = {
  title: string;
  /** What will happen, and whether it can be undone. */
  children: ReactNode;
  confirm: string;
  danger?: boolean;
  /** Whether a reason is asked for: it is kept where the deed is. */
  withReason?: boolean;
  onConfirm: (reason: string | undefined) => Promise<unknown>;
  onClose: () => void;
};

/** Asks once more before something is done, and stays until it was. What is refused is said in it. */
export function Confirm({ title, children, confirm, danger, withReason, onConfirm, onClose }: ConfirmProps) {
  const client = useQueryClient();
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const go = async () => {
    setBusy(true);
    setError(undefined);
    try {
      await onConfirm(reason.trim() === '' ? undefined : reason.trim());
      onClose();
    } catch (refused) {
      setError(refused);
      setBusy(false);
    } finally {
      void client.invalidateQueries(); // What is shown may be another thing now, even after a failure.
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form
        label={title}
        error={error}
        busy={busy}
        submit={confirm}
        danger={danger === true}
        actions={
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        }
        onSubmit={() => void go()}
      >
        <div className="stack-small">{children}</div>
        {withReason && <ReasonField value={reason} onChange={setReason} />}
      </Form>
    </Dialog>
  );
}
