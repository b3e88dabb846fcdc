import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation } from 'wouter';
import { ask, mayBeBegun } from '../../api/client.ts';
import { useRequestKey } from '../../api/requestKey.ts';
import type { Replay } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Dialog } from '../../pieces/dialog.tsx';
import { Form } from '../../pieces/form.tsx';
import { counted } from '../../pieces/format.ts';
import { Loaded, Loading } from '../../pieces/loading.tsx';
import { Facts } from '../../pieces/page.tsx';
import { Alert } from '../../pieces/problem.tsx';
import { ReasonField } from '../../pieces/reasonField.tsx';
import { absoluteTime, Time } from '../../pieces/time.tsx';
import { countedTo } from './countedTo.ts';
import { DiscardAll } from './discardAll.tsx';
import type { LetterFilter } from './list.tsx';
import { usePreview } from './preview.ts';

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
          facts={Object.entries(selector).map(([name, value]) => [labels[name] ?? name, shownOf(name, value)] as const)}
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

const times: readonly string[] = ['parkedFrom', 'parkedTo'];
const shownOf = (name: string, value: string | undefined) =>
  times.includes(name) ? <Time at={value} inline /> : value;

type Selector = Record<string, string | undefined>;

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
          {mayDiscard && (
            <DiscardAll
              events={events}
              busy={busy === 'discard'}
              disabled={busy === 'replay' || locked === 'replay'}
              onDiscard={() => void begin('discard')}
            />
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
      <ReasonField value={reason} onChange={setReason} isLocked={locked !== undefined} />
    </Form>
  );
}
