import { Button } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ask, mayBeBegun, problemOf } from '../api/client.ts';
import { newRequestKey } from '../api/requestKey.ts';
import type { Intervention } from '../api/types.ts';
import { Dialog } from './dialog.tsx';
import { Form } from './form.tsx';
import { counted } from './format.ts';
import { type Letter, type Part, partsOf } from './letterParts.ts';
import { useNotice } from './notices.tsx';
import { Alert, ProblemAlert } from './problem.tsx';
import { ReasonField } from './reasonField.tsx';

export type Deed = 'replay' | 'discard';

/** What became of a part: how many dead letters it was, or why it was not done. */
type Outcome = { done: number } | { error: unknown };
type Outcomes = ReadonlyMap<string, Outcome>;

type LettersProps<One extends Letter> = {
  deed: Deed;
  /** As they are when the dialog opens. */
  letters: readonly One[];
  /** Those that are replayed or discarded; the others may be asked for again in the same dialog. */
  onDone: (done: readonly One[]) => void;
  onClose: () => void;
};

/** Replays or discards these dead letters, once a reason was asked for. Each destination's are a request of their own. */
export function LettersDialog<One extends Letter>({ deed, letters, onDone, onClose }: LettersProps<One>) {
  const client = useQueryClient();
  const notice = useNotice();
  // What is sent again is the same request: a selection that shrinks meanwhile changes nothing of it.
  const [parts] = useState(() => partsOf(letters, newRequestKey));
  const [outcomes, setOutcomes] = useState<Outcomes>(new Map());
  const [reason, setReason] = useState('');
  const [isLocked, setLocked] = useState(false);
  const [busy, setBusy] = useState(false);
  const open = parts.filter(({ key }) => !isDone(outcomes.get(key)));
  const many = counted(countOf(open), 'dead letter');
  const go = async () => {
    setBusy(true);
    const found = new Map(outcomes);
    for (const part of open) found.set(part.key, await outcomeOf(deed, part, reason.trim()));
    const failed = parts.filter(({ key }) => !isDone(found.get(key)));
    onDone(open.filter((part) => !failed.includes(part)).flatMap((part) => part.letters));
    if (failed.length === 0) {
      const done = [...found.values()].reduce((sum, one) => sum + ('done' in one ? one.done : 0), 0);
      notice(`${counted(done, 'dead letter')} ${wordsOf(deed).done}.`);
      onClose();
    } else {
      setOutcomes(found);
      // The key of a request that was begun stands for its reason, too.
      if (failed.some(({ key }) => mayBeBegun(errorOf(found.get(key))))) setLocked(true);
      setBusy(false);
    }
    await client.invalidateQueries(); // What is shown may be another thing now, even where a part of it failed.
  };
  return (
    <Dialog title={`${wordsOf(deed).title} ${many}`} onClose={onClose}>
      <Form
        label={`${wordsOf(deed).title} ${many}`}
        error={parts.length === 1 ? errorOf(outcomes.get(open[0]?.key ?? '')) : fieldProblem(outcomes)}
        busy={busy}
        submit={`${wordsOf(deed).title} ${many}`}
        danger={deed === 'discard'}
        actions={
          <Button variant="default" onClick={onClose}>
            {outcomes.size === 0 ? 'Cancel' : 'Close'}
          </Button>
        }
        onSubmit={() => void go()}
      >
        {parts.length > 1 && outcomes.size > 0 && <Became deed={deed} parts={parts} outcomes={outcomes} />}
        {deed === 'replay' ? (
          <p>The same records are sent again: same key, same headers, same value. Mend what refused them first.</p>
        ) : (
          <p>They are given up for good: no replay brings them back. The log keeps that they were, and why.</p>
        )}
        <ReasonField value={reason} onChange={setReason} isLocked={isLocked} />
      </Form>
    </Dialog>
  );
}

const wordsOf = (deed: Deed) =>
  deed === 'replay'
    ? { title: 'Replay', done: 'sent on their way again' }
    : ({ title: 'Discard', done: 'discarded' } as const);

const isDone = (outcome: Outcome | undefined): boolean => outcome !== undefined && 'done' in outcome;
const errorOf = (outcome: Outcome | undefined): unknown =>
  outcome !== undefined && 'error' in outcome ? outcome.error : undefined;
const countOf = (parts: readonly Part<Letter>[]): number => parts.reduce((sum, { letters }) => sum + letters.length, 0);
/** What is wrong with the reason is wrong for all of them. */
const fieldProblem = (outcomes: Outcomes): unknown =>
  [...outcomes.values()].map(errorOf).find((error) => error !== undefined && problemOf(error).errors !== undefined);

async function outcomeOf(deed: Deed, { destinationId, ids, key }: Part<Letter>, reason: string): Promise<Outcome> {
  const path = `/v1/destinations/${encodeURIComponent(destinationId)}/${deed}`;
  const body = { ids, ...(reason !== '' && { reason }) };
  try {
    const { deadLetters } = await ask<Intervention>(path, { method: 'POST', body, idempotencyKey: key });
    return { done: deadLetters };
  } catch (error) {
    return { error };
  }
}

type BecameProps = { deed: Deed; parts: readonly Part<Letter>[]; outcomes: Outcomes };

/** Of each destination what was done, and what was not. */
const Became = ({ deed, parts, outcomes }: BecameProps) => (
  <section className="stack-small" aria-label="What was done">
    <Alert kind="warn" title="Not all of it was done">
      The button does what is left. What was done is not done twice.
    </Alert>
    {parts.map(({ key, destinationId, letters }) => {
      const outcome = outcomes.get(key);
      if (outcome === undefined) return undefined;
      if ('done' in outcome)
        return (
          <p key={key}>
            <code>{destinationId}</code>: {counted(outcome.done, 'dead letter')} {wordsOf(deed).done}.
          </p>
        );
      return (
        <div key={key}>
          <p>
            <code>{destinationId}</code>: of {counted(letters.length, 'dead letter')}
            {mayBeBegun(outcome.error) ? ' it is not known how many were' : ' none was'} {wordsOf(deed).done}.
          </p>
          <ProblemAlert error={outcome.error} />
        </div>
      );
    })}
  </section>
);
