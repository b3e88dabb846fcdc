import type { ReactNode } from 'react';
import type { Attempt, Delivery, Failed } from '../../api/types.ts';
import { counted } from '../../pieces/format.ts';
import { Status } from '../../pieces/status.tsx';
import { duration, Time } from '../../pieces/time.tsx';

type Moment = { key: string; at: string | undefined; look: 'ok' | 'failed' | 'calm'; mark: string; what: ReactNode };

/** What happened to a delivery, in its order. */
export function TimeLine({ delivery }: { delivery: Delivery }) {
  return (
    <ol className="steps" aria-label="Time line">
      {momentsOf(delivery).map(({ key, at, look, mark, what }) => (
        <li key={key} className={look}>
          <span className="mark" aria-hidden="true">
            {mark}
          </span>
          <div>{what}</div>
          <div className="small">{at !== undefined && <Time at={at} />}</div>
        </li>
      ))}
    </ol>
  );
}

function momentsOf(delivery: Delivery): Moment[] {
  const { acceptedAt, attempts, attemptsLeftOut, interventions } = delivery;
  const accepted: Moment = { key: 'accepted', at: acceptedAt, look: 'ok', mark: '✓', what: <b>Accepted</b> };
  const later: Moment[] = [
    ...attempts.map((attempt): Moment => attemptMoment(attempt)),
    ...interventions.map((one, n): Moment => {
      const what = (
        <>
          <b>{one.kind === 'replay' ? 'Replayed' : 'Discarded'}</b>
          {one.by !== undefined && ` by ${one.by}`}
          {one.reason !== undefined && <div className="dim">{one.reason}</div>}
          {one.replayId !== undefined && <div className="dim small">{one.replayId}</div>}
        </>
      );
      return { key: `intervention ${n}`, at: one.at, look: 'calm', mark: one.kind === 'replay' ? '↻' : '✕', what };
    }),
  ].sort((a, b) => Date.parse(a.at ?? '') - Date.parse(b.at ?? ''));
  if (attemptsLeftOut === undefined) return [accepted, ...later];
  const { count, unknown, firstAt } = attemptsLeftOut;
  const what = (
    <>
      <b>{counted(count, 'more attempt')} that settled nothing</b>
      {unknown > 0 && <div className="dim">{counted(unknown, 'outcome')} unknown</div>}
    </>
  );
  return [accepted, { key: 'left out', at: firstAt, look: 'calm', mark: '…', what }, ...later];
}

function attemptMoment(attempt: Attempt): Moment {
  const { number, startedAt, outcome, error } = attempt;
  const isGood = outcome === 'delivered';
  const what = (
    <>
      <b>Attempt {number}</b> <Status of={outcome} />
      <div className="dim small wrap">{detailsOf(attempt)}</div>
      {error !== undefined && <ErrorOf error={error} />}
    </>
  );
  const mark = isGood ? '✓' : outcome === 'running' ? '…' : '!';
  const look = isGood ? 'ok' : outcome === 'running' ? 'calm' : 'failed';
  return { key: `attempt ${number} ${startedAt}`, at: startedAt, look, mark, what };
}

/** What a try was refused with, and what mends it. */
export const ErrorOf = ({ error }: { error: Failed }) => (
  <div>
    <span className="mono">{error.name}</span>
    {error.code !== undefined && <span className="dim"> (Kafka {error.code})</span>}
    <div className="wrap">{error.message}</div>
    <div className="dim">What mends it: {error.remedy}</div>
  </div>
);

type Lasted = Pick<Attempt, 'durationMs' | 'durationAtLeastMs' | 'durationAtMostMs'>;

/** How long an attempt took, or the bounds of it where its worker was lost; false while it lasts. */
export const lastedText = ({ durationMs, durationAtLeastMs, durationAtMostMs }: Lasted): string | false =>
  durationMs !== undefined
    ? `took ${duration(durationMs)}`
    : durationAtMostMs !== undefined && `took ${duration(durationAtLeastMs ?? 0)} to ${duration(durationAtMostMs)}`;

function detailsOf({ records, broker, partition, offset, ...attempt }: Attempt): string {
  return [
    lastedText(attempt),
    records > 1 && `${counted(records, 'record')} in it`,
    broker !== undefined && `broker ${broker}`,
    partition !== undefined && `partition ${partition}`,
    offset !== undefined && offset >= 0 && `offset ${offset}`,
  ]
    .filter(Boolean)
    .join(' · ');
}
