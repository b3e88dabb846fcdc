import { Button } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ask, mayBeBegun } from '../../api/client.ts';
import { useRequestKey } from '../../api/requestKey.ts';
import type { Replay } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Dialog } from '../../pieces/dialog.tsx';
import { AreaField, Form } from '../../pieces/form.tsx';
import { counted } from '../../pieces/format.ts';
import { lockedHint } from '../../pieces/letters.tsx';
import { Loaded, Loading } from '../../pieces/loading.tsx';
import { Facts } from '../../pieces/page.tsx';
import { Alert } from '../../pieces/problem.tsx';
import { absoluteTime } from '../../pieces/time.tsx';
import { countedTo } from './countedTo.ts';
import type { LetterFilter } from './list.tsx';

const pollMs = 700;

/** Counts what matches, then replays it, or discards it, in the background. `onDone`: nothing that was listed may be as it was. */
export function AllDialog(props: { filter: LetterFilter; onDone: () => void; onClose: () => void }) {
  const { filter, onDone, onClose } = props;
  const { customerExternalId: own } = useWho();
  const given = Object.entries({ ...filter, ...(own !== undefined && { customerExternalId: own }) });
  const selector = Object.fromEntries(given.filter(([, value]) => value !== undefined && value !== ''));
  const preview = usePreview(selector);
  const [askedAt] = useState(Date.now);
  return (
    <Dialog title="All dead letters that match" onClose={onClose}>
      <div className="stack">
        <Facts
          facts={Object.entries(selector).map(([name, value]) => [labels[name] ?? name, String(value)] as const)}
        />
        <Loaded query={preview.begun}>
          {() => (
            <Loaded query={preview.counted}>
              {(counting) =>
                counting.status === 'running' ? (
                  <Loading lines={2} label={`Counting: ${counted(counting.events ?? 0, 'dead letter')} so far`} />
                ) : (
                  <Decide {...{ counting, selector, askedAt, onDone, onClose }} />
                )
              }
            </Loaded>
          )}
        </Loaded>
      </div>
    </Dialog>
  );
}

const labels: Readonly<Record<string, string>> = {
  destinationId: 'Destination',
  customerExternalId: 'Customer',
  error: 'Error',
  parkedFrom: 'Parked from',
  parkedTo: 'Parked before',
};

type Selector = Record<string, string | undefined>;

/** A dry run: it counts what a replay would send. */
function usePreview(selector: Selector) {
  const key = useRequestKey();
  const begun = useQuery({
    queryKey: ['preview', key],
    queryFn: () =>
      ask<Replay>('/v1/replays', { method: 'POST', body: { ...selector, dryRun: true }, idempotencyKey: key }),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const id = begun.data?.id;
  const counting = useQuery({
    queryKey: ['replay', id],
    queryFn: ({ signal }) => ask<Replay>(`/v1/replays/${id}`, { signal }),
    enabled: id !== undefined,
    refetchInterval: ({ state }) => (state.data?.status === 'running' || !state.data ? pollMs : false),
  });
  return { begun, counted: counting };
}

const discardHint = ' Or discard them for good: these and no more, with nothing sent.';
/** No more than were counted; faster than what is sent, for no broker has work of it. */
const discardOf = (events: number) => ({ eventsMax: events, eventsPerSecond: 2_000 });

type DecideProps = {
  counting: Replay;
  selector: Selector;
  /** When the count was asked for, in ms. */
  askedAt: number;
  onDone: () => void;
  onClose: () => void;
};

function Decide({ counting, selector, askedAt, onDone, onClose }: DecideProps) {
  const { status, events = 0, lanes = 0, unanswered = 0, why } = counting;
  // What was parked since was not counted, so nobody has decided on it.
  const parkedTo = countedTo(selector.parkedTo, counting.startedAt, askedAt);
  const [reason, setReason] = useState('');
  const [busy, setBusy] = useState<Replay['action']>();
  const [error, setError] = useState<unknown>();
  const [isSure, setSure] = useState(false);
  // What may have been begun: the same may be asked for again, and not its opposite.
  const [locked, setLocked] = useState<Replay['action']>();
  const client = useQueryClient();
  const key = useRequestKey();
  const [, go] = useLocation();
  const note = reason.trim() === '' ? {} : { reason: reason.trim() };
  const begin = async (action: Replay['action']) => {
    setBusy(action);
    setError(undefined);
    try {
      const { id } = await ask<Replay>('/v1/replays', {
        method: 'POST',
        body: { ...selector, parkedTo, ...note, ...(action === 'discard' && { action, ...discardOf(events) }) },
        idempotencyKey: action === 'replay' ? key : `${key}-discard`,
      });
      onDone();
      onClose();
      go(`/replays/${id}`);
    } catch (refused) {
      setError(refused);
      setBusy(undefined);
      if (mayBeBegun(refused)) setLocked(action);
    } finally {
      void client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'preview' });
    }
  };
  if (status === 'failed')
    return (
      <Alert kind="bad" title="They could not be counted">
        {why}
      </Alert>
    );
  const atLeast = status === 'done' ? '' : 'at least ';
  // Nothing is given up that was not counted.
  const mayDiscard = status === 'done' && events > 0;
  return (
    <Form
      label="All that match"
      error={error}
      busy={busy === 'replay'}
      disabled={busy === 'discard' || locked === 'discard'}
      submit={`Replay ${atLeast}${counted(events, 'dead letter')}`}
      onSubmit={() => void begin('replay')}
      actions={
        <>
          {mayDiscard && isSure && (
            <Button
              color="red"
              loading={busy === 'discard'}
              disabled={busy === 'replay' || locked === 'replay'}
              onClick={() => void begin('discard')}
            >
              Yes, discard {counted(events, 'dead letter')} for good
            </Button>
          )}
          {mayDiscard && !isSure && (
            <Button variant="default" disabled={locked === 'replay'} onClick={() => setSure(true)}>
              Discard all …
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        </>
      }
    >
      <Alert kind="info" title={`${atLeast}${counted(events, 'dead letter')} in ${counted(lanes, 'lane')}`}>
        {unanswered > 0 && `${counted(unanswered, 'lane')} did not answer and are not counted. `}
        They are the same records again, 200 a second, in the order in which they were accepted. You can watch it, and
        stop it. Those parked after {absoluteTime(Date.parse(parkedTo))} are not counted, and not meant.
        {status === 'done' ? discardHint : ' To discard them, narrow the search until all are counted.'}
      </Alert>
      <AreaField
        name="reason"
        label="Reason"
        hint={locked ? lockedHint : "Why: it is kept in Temporal's history and in the audit trail."}
        rows={2}
        value={reason}
        onChange={setReason}
        disabled={locked !== undefined}
      />
    </Form>
  );
}
