import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';
import { Copyable } from './copy.tsx';

type ShownOnceProps = { title: string; label: string; text: string; onClose: () => void; children: ReactNode };

/** A secret that is shown this once: focus goes to it. */
export function ShownOnce({ title, label, text, onClose, children }: ShownOnceProps) {
  const place = useRef<HTMLElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text is another secret.
  useEffect(() => place.current?.focus(), [text]);
  return (
    <section ref={place} className="alert good stack-small" tabIndex={-1} aria-label={title}>
      <strong>{title}</strong>
      <Copyable text={text} label={label} />
      <span>{children}</span>
      <div>
        <Button size="xs" variant="default" onClick={onClose}>
          I have it
        </Button>
      </div>
    </section>
  );
}
