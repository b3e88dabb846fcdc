import { CloseButton } from '@mantine/core';
import { type ReactNode, useId, useLayoutEffect, useRef } from 'react';

type DialogProps = { title: string; onClose: () => void; children: ReactNode };

/**
 * A dialog, for as long as it is shown. The browser's own: focus is in it before the next key is taken, stays in it, and goes back to
 * where it came from. Nothing closes it but its buttons and Escape: a press beside it would lose what was typed.
 */
export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    const before = document.activeElement;
    element.showModal();
    // Not the button that closes it, which the browser would take: a space that is typed at once would press that.
    const first = element.querySelector<HTMLElement>('input, textarea, select') ?? element;
    first.focus();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className="dialog"
      aria-labelledby={titleId}
      tabIndex={-1}
      onCancel={(event) => {
        if (event.target !== event.currentTarget) return; // A file field has such an event, too.
        event.preventDefault();
        onClose();
      }}
      // Escape a second time is not asked about. When we close it ourselves it is gone by then.
      onClose={(event) => event.currentTarget.isConnected && onClose()}
    >
      <div className="dialog-head">
        <h2 id={titleId}>{title}</h2>
        <CloseButton aria-label="Close" onClick={onClose} />
      </div>
      <div className="dialog-body">{children}</div>
    </dialog>
  );
}
