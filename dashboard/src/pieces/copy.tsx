import { Button } from '@mantine/core';
import { useState } from 'react';

/** A text to be copied: an id, a key that is shown once. */
export function Copyable({ text, label }: { text: string; label: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text).catch(() => undefined); // Where it is forbidden, the text can be selected.
    setCopied(true);
    setTimeout(() => setCopied(false), 3_000);
  };
  return (
    <span className="row">
      <code className="wrap">{text}</code>
      <Button size="compact-xs" variant="default" onClick={() => void copy()} aria-label={`Copy ${label}`}>
        {copied ? 'Copied' : 'Copy'}
      </Button>
    </span>
  );
}
