import type { ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { usePaged } from '../../api/paged.ts';
import type { LaneLogEntry, LaneLogPage } from '../../api/types.ts';
import { counted } from '../../pieces/format.ts';
import { deliveryPath, destinationPath } from '../../pieces/link.tsx';
import { Empty } from '../../pieces/problem.tsx';
import { Status } from '../../pieces/status.tsx';
import { PagedFrame } from '../../pieces/table.tsx';
import { Workflow } from '../../pieces/temporal.tsx';
import { Time } from '../../pieces/time.tsx';
import { ErrorOf, lastedText } from '../deliveries/timeLine.tsx';
import { OneDestination } from './one.tsx';

export default function LaneLog() {
  const [params] = useSearchParams();
  const lane = params.get('lane') ?? '';
  return <OneDestination>{({ id }) => <Log key={`${id} ${lane}`} id={id} lane={lane} />}</OneDestination>;
}

/** What happened in a lane, the newest first: each attempt, and who did what. */
function Log({ id, lane }: { id: string; lane: string }) {
  const list = usePaged<LaneLogEntry, LaneLogPage>(`/v1${destinationPath(id)}/lane-log`, {
    query: { lane, limit: 50 },
    rowsOf: (page) => page.entries,
    refetchInterval: 10_000,
    enabled: lane !== '',
  });
  if (lane === '')
    return (
      <div className="card">
        <Empty title="No lane is named" action={<Link href={`${destinationPath(id)}/lanes`}>See its lanes</Link>}>
          The address of a lane's log says which lane it is of.
        </Empty>
      </div>
    );
  const { workflowId, deletedBefore } = list.query.data ?? {};
  return (
    <section className="stack-small" aria-label="Log of the lane">
      <h2 className="wrap">Lane {lane}</h2>
      {workflowId !== undefined && (
        <div className="small">
          <Workflow id={workflowId} />
        </div>
      )}
      <PagedFrame list={list} caption="entries" empty={<Empty title="Nothing happened in it yet" />}>
        {(entries) => (
          <ol className="steps log" aria-label="What happened, the newest first">
            {entries.map((entry) => (
              <Entry key={entry.id} entry={entry} />
            ))}
          </ol>
        )}
      </PagedFrame>
      {deletedBefore !== undefined && (
        <p className="dim small">
          What happened before <Time at={deletedBefore} inline /> Temporal has deleted (retention).
        </p>
      )}
    </section>
  );
}

const looks: Partial<Record<LaneLogEntry['kind'], readonly [look: 'ok' | 'failed', mark: string]>> = {
  delivered: ['ok', '✓'],
  parked: ['failed', '!'],
  waiting: ['failed', '!'],
  suspended: ['failed', '!'],
  failed: ['failed', '!'],
};

function Entry({ entry }: { entry: LaneLogEntry }) {
  const isGood = entry.attempt?.outcome === 'delivered';
  const ofAttempt = isGood ? (['ok', '✓'] as const) : (['failed', '!'] as const);
  const [look, mark] = entry.attempt ? ofAttempt : (looks[entry.kind] ?? ['calm', '·']);
  return (
    <li className={look}>
      <span className="mark" aria-hidden="true">
        {mark}
      </span>
      <div className="wrap">
        <What entry={entry} />
        {entry.by !== undefined && <span className="dim"> by {entry.by}</span>}
        {entry.reason !== undefined && <div className="dim">{entry.reason}</div>}
        {entry.error !== undefined && <ErrorOf error={entry.error} />}
      </div>
      <div className="small">
        <Time at={entry.at} />
      </div>
    </li>
  );
}

function What({ entry }: { entry: LaneLogEntry }): ReactNode {
  const { kind, events, eventId, attempt, leftOut, landed = [], segmentId, holderId, replayId } = entry;
  const many = events === undefined ? '' : counted(events, 'event');
  const event = eventId !== undefined && (
    <Link href={deliveryPath(eventId)} className="mono">
      {eventId}
    </Link>
  );
  if (attempt)
    return (
      <>
        <b>Attempt {attempt.number}</b> <Status of={attempt.outcome} />
        <div className="dim small">
          {[many, lastedText(attempt), attempt.brokers.length > 0 && `broker ${attempt.brokers.join(', ')}`]
            .filter(Boolean)
            .join(' · ')}
        </div>
      </>
    );
  if (leftOut)
    return (
      <>
        <b>{counted(leftOut.count, 'more attempt')} that settled nothing</b>
        {leftOut.unknown > 0 && <div className="dim">{counted(leftOut.unknown, 'outcome')} unknown</div>}
      </>
    );
  return (
    <>
      <b>{names[kind] ?? kind}</b> {many} {event}
      {landed.length > 0 && <div className="dim small">{landed.map(placeOf).join('; ')}</div>}
      {(segmentId ?? holderId) !== undefined && <div className="dim small mono">{segmentId ?? holderId}</div>}
      {replayId !== undefined && (
        <div className="small">
          <Link href={`/replays/${encodeURIComponent(replayId)}`} className="mono">
            {replayId}
          </Link>
        </div>
      )}
    </>
  );
}

const names: Readonly<Partial<Record<LaneLogEntry['kind'], string>>> = {
  began: 'The lane began',
  continued: 'It went on in a new run',
  reset: 'The lane was reset',
  ended: 'The run ended',
  accepted: 'Accepted',
  delivered: 'Delivered',
  parked: 'Parked as a dead letter',
  waiting: 'The lane waits',
  suspended: 'The lane is suspended',
  failed: 'A defect of ours',
  replay: 'Replayed',
  discard: 'Discarded',
  pause: 'Paused',
  resume: 'Resumed',
  wake: 'The keeper let it go on',
  suspend: 'The keeper suspended it',
  segmentOpened: 'To an overflow segment',
  segmentRead: 'Out of an overflow segment',
  holderOpened: 'Bodies of dead letters put elsewhere',
  holderRead: 'Bodies of dead letters read',
  ignored: 'A signal that changed nothing',
};

function placeOf({ partition, events, firstOffset, lastOffset }: NonNullable<LaneLogEntry['landed']>[number]): string {
  if (firstOffset === undefined) return `partition ${partition}, ${counted(events, 'record')}`;
  const offsets = firstOffset === lastOffset ? `offset ${firstOffset}` : `offsets ${firstOffset} to ${lastOffset}`;
  return `partition ${partition}, ${offsets}`;
}
