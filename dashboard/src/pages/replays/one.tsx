import { Button, Progress } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useParams } from 'wouter';
import { ask } from '../../api/client.ts';
import { useSend } from '../../api/send.ts';
import type { Replay } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Confirm } from '../../pieces/confirm.tsx';
import { counted, number } from '../../pieces/format.ts';
import { ButtonLink } from '../../pieces/link.tsx';
import { Loaded } from '../../pieces/loading.tsx';
import { Card, Facts, Page } from '../../pieces/page.tsx';
import { Alert, ProblemAlert } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { Time } from '../../pieces/time.tsx';
import { deeds } from './deeds.ts';

const runningMs = 1_000;

/** How far a replay is. */
export default function OneReplay() {
  const { id = '' } = useParams();
  const { mayReplay } = useWho();
  const [isStopping, setStopping] = useState(false);
  const replay = useQuery({
    queryKey: ['replay', id],
    queryFn: ({ signal }) => ask<Replay>(`/v1/replays/${encodeURIComponent(id)}`, { signal }),
    refetchInterval: ({ state }) => (state.data === undefined || state.data.status === 'running' ? runningMs : false),
  });
  const goOn = useSend(() => ask<Replay>(`/v1/replays/${encodeURIComponent(id)}/continue`, { method: 'POST' }));
  const status = replay.data?.status;
  const words = deeds[replay.data?.action ?? 'replay'];
  const actions = mayReplay && (
    <>
      {status === 'running' && (
        <Button variant="default" onClick={() => setStopping(true)}>
          Stop it
        </Button>
      )}
      {status === 'stalled' && (
        <Button loading={goOn.isPending} onClick={() => goOn.mutate(undefined)}>
          Continue
        </Button>
      )}
      <ButtonLink to="/dead-letters">Dead letters</ButtonLink>
    </>
  );
  return (
    <Page title={words.name} lead={<code>{id}</code>} actions={actions}>
      <div className="stack">
        {goOn.error && <ProblemAlert error={goOn.error} />}
        <Loaded query={replay}>{(data) => <Shown replay={data} />}</Loaded>
      </div>
      {isStopping && (
        <Confirm
          title={`Stop this ${words.deed}`}
          confirm="Stop it"
          danger
          onConfirm={() => ask(`/v1/replays/${encodeURIComponent(id)}/cancel`, { method: 'POST' })}
          onClose={() => setStopping(false)}
        >
          <p>
            What was {words.done} stays so. The rest stays where it is, and another {words.deed} finds it.
          </p>
        </Confirm>
      )}
    </Page>
  );
}

const adviceOf = (done: string): Partial<Record<Replay['status'], string>> => ({
  stalled: 'Some lanes had no room or did not answer. Continue it: it goes on with the others first.',
  tooMany: `There are more events than were counted or allowed, so nothing was ${done}. Look again, or narrow it.`,
  tooLong: 'Counting took 15 minutes and ended there: there are at least so many.',
});

function Shown({ replay }: { replay: Replay }) {
  const { action, status, why, events = 0, total, lanes, eventsPerSecond, startedAt, unanswered = 0 } = replay;
  const { deed, done } = deeds[action];
  const advice = adviceOf(done)[status];
  const percent = total === undefined || total === 0 ? (status === 'running' ? 0 : 100) : (events / total) * 100;
  return (
    <Card title="Progress">
      <div className="stack">
        <div role="status" className="row">
          <Status of={status} />
          <span>
            {total === undefined
              ? `${counted(events, 'event')} counted so far`
              : `${number(events)} of ${counted(total, 'event')} ${done}`}
          </span>
        </div>
        <Progress value={Math.min(100, percent)} size="lg" aria-label={`Progress of the ${deed}`} />
        {why !== undefined && <Alert kind="bad">{why}</Alert>}
        {advice !== undefined && <Alert kind="warn">{advice}</Alert>}
        {unanswered > 0 && (
          <Alert kind="warn">
            {counted(unanswered, 'lane')} did not answer, or had no room; what is theirs was not {done}.
          </Alert>
        )}
        <Facts
          facts={[
            ['Begun', startedAt && <Time key="t" at={startedAt} inline />],
            ['Lanes', lanes === undefined ? undefined : number(lanes)],
            ['At most', eventsPerSecond && `${number(eventsPerSecond)} events a second`],
          ]}
        />
      </div>
    </Card>
  );
}
