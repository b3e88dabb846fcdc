import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { ask } from '../../api/client.ts';
import { useSend } from '../../api/send.ts';
import type { Destination, Overview, Series } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { Confirm } from '../../pieces/confirm.tsx';
import { number } from '../../pieces/format.ts';
import { ButtonLink, destinationPath } from '../../pieces/link.tsx';
import { Loaded } from '../../pieces/loading.tsx';
import { useNotice } from '../../pieces/notices.tsx';
import { Card, Facts } from '../../pieces/page.tsx';
import { Plot } from '../../pieces/plot.tsx';
import { Alert, ProblemAlert } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { Time } from '../../pieces/time.tsx';
import { modeNames } from './draft.ts';
import { OneDestination } from './one.tsx';

type Deed = 'pause' | 'disable' | 'delete';

/** How a destination is, how it is set up, and what can be done with it. */
export default function DestinationState() {
  return (
    <OneDestination actions={(destination) => <Actions destination={destination} />}>
      {(destination) => (
        <div className="stack">
          <Notes destination={destination} />
          <Now id={destination.id} />
          <Settings destination={destination} />
        </div>
      )}
    </OneDestination>
  );
}

function Actions({ destination }: { destination: Destination }) {
  const { id, enabled, paused, name } = destination;
  const { mayManage } = useWho();
  const [deed, setDeed] = useState<Deed>();
  const notice = useNotice();
  const path = `/v1${destinationPath(id)}`;
  const resume = useSend(() => ask(`${path}/resume`, { method: 'POST', body: {} }));
  const enable = useSend(() => ask(path, { method: 'PATCH', body: { enabled: true } }));
  if (!mayManage) return undefined;
  return (
    <>
      {paused ? (
        <Button
          loading={resume.isPending}
          onClick={() => resume.mutate(undefined, { onSuccess: () => notice(`“${name}” goes on.`) })}
        >
          Resume
        </Button>
      ) : (
        <Button variant="default" onClick={() => setDeed('pause')}>
          Pause
        </Button>
      )}
      {enabled ? (
        <Button variant="default" onClick={() => setDeed('disable')}>
          Disable
        </Button>
      ) : (
        <Button
          loading={enable.isPending}
          onClick={() => enable.mutate(undefined, { onSuccess: () => notice(`“${name}” is enabled.`) })}
        >
          Enable
        </Button>
      )}
      <Button variant="default" onClick={() => setDeed('delete')}>
        Delete
      </Button>
      {[resume.error, enable.error].map((error) => error && <ProblemAlert key={error.message} error={error} />)}
      {deed !== undefined && <DeedDialog deed={deed} destination={destination} onClose={() => setDeed(undefined)} />}
    </>
  );
}

const deeds = {
  pause: {
    title: 'Pause',
    text: 'Its events are accepted and wait, in order, until you resume it. Nothing is lost.',
    done: 'is paused.',
  },
  disable: {
    title: 'Disable',
    text: 'No event is accepted for it while it is disabled: those are not sent later, either. To hold events back, pause it.',
    done: 'is disabled.',
  },
  delete: {
    title: 'Delete',
    text: 'It takes no new events, for good, and its credentials are erased once what was accepted before is delivered.',
    done: 'is deleted.',
  },
} as const;

function DeedDialog({ deed, destination, onClose }: { deed: Deed; destination: Destination; onClose: () => void }) {
  const { id, name, version } = destination;
  const { title, text, done } = deeds[deed];
  const notice = useNotice();
  const [, go] = useLocation();
  const path = `/v1${destinationPath(id)}`;
  const act = async (reason: string | undefined) => {
    const note = reason === undefined ? {} : { reason };
    if (deed === 'pause') await ask(`${path}/pause`, { method: 'POST', body: note });
    if (deed === 'disable') await ask(path, { method: 'PATCH', body: { enabled: false } });
    if (deed === 'delete') await ask(path, { method: 'DELETE', ifMatch: `"${version}"` });
    notice(`“${name}” ${done}`);
    if (deed === 'delete') go('/destinations');
  };
  return (
    <Confirm
      title={`${title} “${name}”`}
      confirm={`${title} it`}
      danger={deed === 'delete'}
      withReason={deed === 'pause'}
      onConfirm={act}
      onClose={onClose}
    >
      <p>{text}</p>
    </Confirm>
  );
}

function Notes({ destination: { id, paused, earlierCredentials } }: { destination: Destination }) {
  return (
    <>
      {paused !== undefined && (
        <Alert kind="warn" title={`Paused by ${paused.by}`}>
          <Time at={paused.since} inline />
          {paused.reason !== undefined && <p className="wrap">{paused.reason}</p>}
        </Alert>
      )}
      {earlierCredentials !== undefined && (
        <Alert kind="info" title="Credentials are being replaced">
          Processes may still connect with the old ones.{' '}
          <Link href={`${destinationPath(id)}/rotate`}>See how far it is</Link>
        </Alert>
      )}
    </>
  );
}

function Now({ id }: { id: string }) {
  const overview = useQuery({
    queryKey: ['overview', 'destination', id],
    queryFn: ({ signal }) => ask<Overview>('/v1/overview', { query: { destinationId: id }, signal }),
    refetchInterval: 5_000,
  });
  const series = useQuery({
    queryKey: ['series', 'destination', id],
    queryFn: ({ signal }) => ask<Series>('/v1/series', { query: { range: '1h', destinationId: id }, signal }),
    refetchInterval: 15_000,
  });
  return (
    <div className="columns">
      <Card title="Now">
        <Loaded query={overview} lines={5}>
          {(data) => <Lanes id={id} overview={data} />}
        </Loaded>
      </Card>
      <Card title="The last hour">
        <Loaded query={series} lines={6}>
          {({ points }) => (
            <Plot
              label="Events in the last hour"
              at={points.at}
              lines={[
                { name: 'Accepted', look: 1, values: points.accepted },
                { name: 'Delivered', look: 2, values: points.delivered },
                { name: 'Failed tries', look: 3, values: points.failedTries },
              ]}
            />
          )}
        </Loaded>
      </Card>
    </div>
  );
}

function Lanes({ id, overview: { now, worst } }: { id: string; overview: Overview }) {
  const [own] = worst;
  const lanes = Object.entries(now.lanes).filter(([, count = 0]) => count > 0);
  return (
    <div className="stack">
      {own?.error !== undefined && (
        <Alert kind={own.state === 'Suspended' ? 'bad' : 'warn'} title={own.error.name}>
          <p className="wrap">{own.error.message}</p>
          <p>
            <Link href={`${destinationPath(id)}/test`}>Test the connection</Link>: it says what would mend it.
          </p>
        </Alert>
      )}
      <Facts
        facts={[
          [
            'Lanes in trouble',
            lanes.length === 0 ? (
              <span key="l" className="dim">
                none waits or is suspended
              </span>
            ) : (
              <span key="l" className="row">
                {lanes.map(([state, count]) => (
                  <span key={state} className="row">
                    {number(count ?? 0)} <Status of={state} />
                  </span>
                ))}
              </span>
            ),
          ],
          [
            'Dead letters',
            now.deadLetters === 0 ? (
              '0'
            ) : (
              <Link key="d" href={`/dead-letters?destinationId=${id}`}>
                {number(now.deadLetters)}
                {now.deadLettersAtLeast && '+'}: see and replay them
              </Link>
            ),
          ],
          ['Oldest waiting', now.oldestWaiting && <Time key="o" at={now.oldestWaiting.acceptedAt} inline />],
        ]}
      />
      <div className="row">
        <ButtonLink to={`/deliveries?by=partition&destinationId=${id}`}>Its deliveries</ButtonLink>
        <ButtonLink to={`/dead-letters?destinationId=${id}`}>Its dead letters</ButtonLink>
      </div>
    </div>
  );
}

function Settings({ destination }: { destination: Destination }) {
  const { auth, producer, ordering, brokers, eventTypes } = destination;
  return (
    <Card title="Settings">
      <Facts
        facts={[
          ['Id', <code key="i">{destination.id}</code>],
          ['Customer', destination.customerExternalId],
          ['Topic', <code key="t">{destination.topic}</code>],
          ['Brokers', <code key="b">{brokers.join(', ')}</code>],
          ['Event types', <code key="e">{eventTypes.join(', ')}</code>],
          ['Partition key', <code key="p">{destination.partitionKey}</code>],
          ['Lanes', ordering.lanes === 'key' ? 'one for each partition key' : number(ordering.lanes)],
          ['Authentication', `${modeNames[auth.mode]}${auth.tls ? ', over TLS' : ''}`],
          ['User name', auth.username],
          ['Client id', auth.clientId],
          ['Token endpoint', auth.tokenEndpoint],
          ['Secrets stored', auth.secretsSet.length > 0 && `${auth.secretsSet.join(', ')}: never shown`],
          [
            'When a record is refused',
            destination.onDeadLetter === 'block' ? 'later events of its key wait' : 'later events go on',
          ],
          ['Delivered when', producer.acks === 'all' ? 'every in-sync replica has it' : 'the leader has it'],
          ['Linger', `${number(producer.lingerMs)} ms, or ${number(producer.batchSizeBytes)} bytes`],
          ['Compression', producer.compression],
          ['Created', <Time key="c" at={destination.createdAt} inline />],
          ['Changed', <Time key="u" at={destination.updatedAt} inline />],
          ['Version', number(destination.version)],
        ]}
      />
    </Card>
  );
}
