import { ask } from '../api/client.ts';
import { useRequestKey } from '../api/requestKey.ts';
import type { Intervention } from '../api/types.ts';
import { Confirm } from './confirm.tsx';
import { counted } from './format.ts';
import { useNotice } from './notices.tsx';

export type Deed = 'replay' | 'discard';
/** A dead letter, by what names it. */
export type Letter = { eventId: string; destinationId: string };

/** So many events one request may name. */
const idsMax = 200;

/** Replays or discards these dead letters, once a reason was asked for. */
export function LettersDialog(props: {
  deed: Deed;
  letters: readonly Letter[];
  onDone: () => void;
  onClose: () => void;
}) {
  const { deed, letters, onDone, onClose } = props;
  const notice = useNotice();
  const requestKey = useRequestKey();
  const many = counted(letters.length, 'dead letter');
  const go = async (reason: string | undefined) => {
    for (const [destinationId, ids] of byDestination(letters)) {
      for (let from = 0; from < ids.length; from += idsMax) {
        await ask<Intervention>(`/v1/destinations/${destinationId}/${deed}`, {
          method: 'POST',
          body: { ids: ids.slice(from, from + idsMax), ...(reason !== undefined && { reason }) },
          idempotencyKey: `${requestKey}-${destinationId}-${from}`,
        });
      }
    }
    notice(`${many} ${deed === 'replay' ? 'sent on their way again' : 'discarded'}.`);
    onDone();
  };
  return (
    <Confirm
      title={`${deed === 'replay' ? 'Replay' : 'Discard'} ${many}`}
      confirm={deed === 'replay' ? `Replay ${many}` : `Discard ${many}`}
      danger={deed === 'discard'}
      withReason
      onConfirm={go}
      onClose={onClose}
    >
      {deed === 'replay' ? (
        <p>The same records are sent again: same key, same headers, same value. Mend what refused them first.</p>
      ) : (
        <p>They are given up for good: no replay brings them back. The log keeps that they were, and why.</p>
      )}
    </Confirm>
  );
}

function byDestination(letters: readonly Letter[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { eventId, destinationId } of letters) {
    found.set(destinationId, [...(found.get(destinationId) ?? []), eventId]);
  }
  return found;
}
