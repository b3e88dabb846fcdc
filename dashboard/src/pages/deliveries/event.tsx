import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import { ask } from '../../api/client.ts';
import type { Delivery, EventLog, EventValue } from '../../api/types.ts';
import { useWho } from '../../api/who.ts';
import { size } from '../../pieces/format.ts';
import { indented } from '../../pieces/indented.ts';
import { type Deed, LettersDialog } from '../../pieces/letters.tsx';
import { destinationPath, laneLogPath } from '../../pieces/link.tsx';
import { Loaded } from '../../pieces/loading.tsx';
import { Card, Facts, Page } from '../../pieces/page.tsx';
import { Alert, Empty } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { Workflow } from '../../pieces/temporal.tsx';
import { Time } from '../../pieces/time.tsx';
import { TimeLine } from './timeLine.tsx';

const settled: readonly string[] = ['delivered', 'parked', 'discarded', 'expired'];
const isSettled = ({ status }: Delivery): boolean => settled.includes(status);

/** How long to wait until it is asked again, in ms. */
const underWayMs = 1_500;
const settledMs = 30_000;
/** So often an event without deliveries is looked at as one under way. */
const emptyLooks = 20;

export const useEventLog = (eventId: string) =>
  useQuery({
    queryKey: ['event', eventId],
    queryFn: ({ signal }) => ask<EventLog>(`/v1/events/${encodeURIComponent(eventId)}`, { signal }),
    refetchInterval: ({ state: { data, dataUpdateCount } }) => {
      const { length } = data?.deliveries ?? [];
      // The index may not have a new one yet: none is not "all", but an event that nobody wanted stays without.
      const isOver = length === 0 ? dataUpdateCount > emptyLooks : data?.deliveries.every(isSettled) === true;
      return isOver ? settledMs : underWayMs;
    },
  });

/** One event: what became of it at each destination, and what it says. */
export default function EventPage() {
  const { eventId = '' } = useParams();
  const log = useEventLog(eventId);
  return (
    <Page title="Event" lead={<code>{eventId}</code>}>
      <Loaded query={log} lines={8}>
        {({ deliveries }) => (
          <div className="stack">
            {deliveries.length === 0 && (
              <div className="card">
                <Empty title="No destination wanted it">
                  It was accepted when no enabled destination wanted its type.
                </Empty>
              </div>
            )}
            {deliveries.map((delivery) => (
              <OneDelivery key={delivery.workflowId} eventId={eventId} delivery={delivery} />
            ))}
            {deliveries.length > 0 && <Value eventId={eventId} />}
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function OneDelivery({ eventId, delivery }: { eventId: string; delivery: Delivery }) {
  const { mayReplay } = useWho();
  const [deed, setDeed] = useState<Deed>();
  const { destinationId, workflowId, runId, status, error } = delivery;
  const actions = status === 'parked' && mayReplay && (
    <>
      <Button size="xs" onClick={() => setDeed('replay')}>
        Replay
      </Button>
      <Button size="xs" variant="default" onClick={() => setDeed('discard')}>
        Discard
      </Button>
    </>
  );
  return (
    <Card title={`Delivery to ${destinationId}`} actions={actions}>
      <div className="stack">
        <Facts
          facts={[
            ['State', <Status key="s" of={status} />],
            [
              'Destination',
              <Link key="d" href={destinationPath(destinationId)} className="mono">
                {destinationId}
              </Link>,
            ],
            ['Landed in', delivery.partition !== undefined && landed(delivery)],
            [
              'Lane',
              <Link key="l" href={laneLogPath(workflowId)}>
                What happened in its lane
              </Link>,
            ],
            ['Workflow', <Workflow key="w" id={workflowId} runId={runId} />],
            ['Next attempt', delivery.nextAttemptAt && <Time at={delivery.nextAttemptAt} inline />],
          ]}
        />
        {error !== undefined && status !== 'delivered' && (
          <Alert kind={status === 'parked' || status === 'suspended' ? 'bad' : 'warn'} title={error.name}>
            <p className="wrap">{error.message}</p>
            <p>
              <b>What mends it:</b> {error.remedy}
            </p>
          </Alert>
        )}
        {(delivery.incomplete || delivery.deletedBefore || delivery.runsPassedOver !== undefined) && (
          <p className="dim small">
            {delivery.deletedBefore && 'Temporal has deleted the beginning of this log (retention). '}
            {delivery.incomplete &&
              (delivery.status === 'expired'
                ? 'The open lane may still hold it: it has more overflow segments than are read. '
                : 'The lane has gone on for more runs than are read. ')}
            {delivery.runsPassedOver !== undefined &&
              `${delivery.runsPassedOver} runs in which it waited were not read. `}
          </p>
        )}
        <TimeLine delivery={delivery} />
      </div>
      {deed !== undefined && (
        <LettersDialog
          deed={deed}
          letters={[{ eventId, destinationId }]}
          onDone={() => {}}
          onClose={() => setDeed(undefined)}
        />
      )}
    </Card>
  );
}

const landed = ({ partition, offset }: Delivery): string =>
  `partition ${partition}${offset === undefined || offset < 0 ? '' : `, offset ${offset}`}`;

function Value({ eventId }: { eventId: string }) {
  const value = useQuery({
    queryKey: ['value', eventId],
    queryFn: ({ signal }) => ask<EventValue>(`/v1/events/${encodeURIComponent(eventId)}/value`, { signal }),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return (
    <Card title="Payload">
      <Loaded query={value} lines={6}>
        {({ eventType, partitionKey, value: text, bytes }) => (
          <div className="stack-small">
            <Facts
              facts={[
                ['Event type', <code key="t">{eventType}</code>],
                ['Partition key', <code key="k">{partitionKey}</code>],
                ['Size', size(bytes)],
              ]}
            />
            <section
              className="payload"
              aria-label="The record's value"
              // biome-ignore lint/a11y/noNoninteractiveTabindex: so that a keyboard can scroll it.
              tabIndex={0}
            >
              <pre>{indented(text)}</pre>
            </section>
            <p className="dim small">
              Shown indented; the record holds it without. Its numbers are as the sender wrote them.
            </p>
          </div>
        )}
      </Loaded>
    </Card>
  );
}
