import { Button, Modal } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { AreaField, Form } from './form.tsx';

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
        {withReason && (
          <AreaField
            name="reason"
            label="Reason"
            hint="Why: it is kept in Temporal's history and in the audit trail."
            rows={2}
            value={reason}
            onChange={setReason}
          />
        )}
      </Form>
    </Dialog>
  );
}

/** A dialog. Focus stays in it until it is closed, and returns to where it came from. */
export const Dialog = ({ title, onClose, children }: { title: string; onClose: () => void; children: ReactNode }) => (
  // `lockScroll`: its way to hold the page still is a style element, which our content security policy forbids.
  <Modal.Root opened onClose={onClose} centered size="lg" lockScroll={false} transitionProps={{ duration: 0 }}>
    <Modal.Overlay />
    <Modal.Content>
      {/* Not Mantine's own header: as an element of that name it would be a second banner of the page. */}
      <div className="dialog-head">
        <Modal.Title>{title}</Modal.Title>
        <Modal.CloseButton aria-label="Close" />
      </div>
      <Modal.Body>{children}</Modal.Body>
    </Modal.Content>
  </Modal.Root>
);
