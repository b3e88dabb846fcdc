import { Button } from '@mantine/core';
import { useState } from 'react';
import { counted } from '../../pieces/format.ts';

type DiscardAllProps = {
  /** How many are given up. */
  events: number;
  busy: boolean;
  disabled: boolean;
  onDiscard: () => void;
};

/** Asks once more. It is one button, so that focus stays on it; and two presses, not a key that is held or a double click. */
export function DiscardAll({ events, busy, disabled, onDiscard }: DiscardAllProps) {
  const [isSure, setSure] = useState(false);
  return (
    <Button
      {...(isSure ? { color: 'red' } : { variant: 'default' })}
      loading={busy}
      disabled={disabled}
      onKeyDown={(event) => event.repeat && event.preventDefault()}
      onClick={({ detail: pressesInARow }) => {
        if (!isSure) setSure(true);
        else if (pressesInARow <= 1) onDiscard();
      }}
    >
      {isSure ? `Yes, discard ${counted(events, 'dead letter')} for good` : 'Discard all …'}
    </Button>
  );
}
