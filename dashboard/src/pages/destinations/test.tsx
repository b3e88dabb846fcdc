import { Button } from '@mantine/core';
import { useState } from 'react';
import { Link } from 'wouter';
import { ask } from '../../api/client.ts';
import { useSend } from '../../api/send.ts';
import type { ConnectionTest, Destination } from '../../api/types.ts';
import { CheckField } from '../../pieces/form.tsx';
import { deliveryPath, destinationPath } from '../../pieces/link.tsx';
import { Loaded } from '../../pieces/loading.tsx';
import { Card } from '../../pieces/page.tsx';
import { ProblemAlert } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { useEventLog } from '../deliveries/event.tsx';
import { TimeLine } from '../deliveries/timeLine.tsx';
import { OneDestination } from './one.tsx';
import { TestSteps } from './testSteps.tsx';

export default function Test() {
  return (
    <OneDestination>
      {(destination) => (
        <div className="columns">
          <Connection destination={destination} />
          <TestEvent destination={destination} />
        </div>
      )}
    </OneDestination>
  );
}

/** First: can we get in, and may we write? */
function Connection({ destination: { id } }: { destination: Destination }) {
  const [writes, setWrites] = useState(false);
  const test = useSend(() =>
    ask<ConnectionTest>(`/v1${destinationPath(id)}/test`, { method: 'POST', body: { sendTestEvent: writes } }),
  );
  return (
    <Card title="1. Test the connection">
      <div className="stack">
        <p className="dim">
          On a connection of its own: the address, TLS, who we are, the topic, and whether we may write to it.
        </p>
        <CheckField
          label="Write a record, too"
          hint="Of the type causeway.connection_test; the topic's consumers see it."
          checked={writes}
          onChange={setWrites}
        />
        <div>
          <Button loading={test.isPending} onClick={() => test.mutate(undefined)}>
            Test the connection
          </Button>
        </div>
        {test.error && <ProblemAlert error={test.error} />}
        <TestSteps test={test.data} running={test.isPending} />
      </div>
    </Card>
  );
}

/** Then: an event by the road of every other. */
function TestEvent({ destination: { id } }: { destination: Destination }) {
  const send = useSend(() => ask<{ id: string }>(`/v1${destinationPath(id)}/test-event`, { method: 'POST', body: {} }));
  return (
    <Card title="2. Send a test event">
      <div className="stack">
        <p className="dim">
          An event of the type <code>causeway.test</code>, by the road of every other, to this destination alone.
        </p>
        <div>
          <Button loading={send.isPending} onClick={() => send.mutate(undefined)}>
            Send a test event
          </Button>
        </div>
        {send.error && <ProblemAlert error={send.error} />}
        {send.data !== undefined && <Followed key={send.data.id} eventId={send.data.id} />}
      </div>
    </Card>
  );
}

function Followed({ eventId }: { eventId: string }) {
  const log = useEventLog(eventId);
  return (
    <div className="stack-small">
      <Link href={deliveryPath(eventId)} className="mono">
        {eventId}
      </Link>
      <Loaded query={log}>
        {({ deliveries }) =>
          deliveries.map((delivery) => (
            <div key={delivery.workflowId} className="stack-small">
              <div role="status">
                <Status of={delivery.status} />
              </div>
              <TimeLine delivery={delivery} />
            </div>
          ))
        }
      </Loaded>
    </div>
  );
}
