import type { Delivery, EventLog } from './answers.ts';
import { lastedText, leftOutText } from './attemptTime.ts';
import { countOf, plain, timeOf } from './output.ts';

type Entry = { at: string; text: string };

/** What happened to an event, one line each, by time; a delivery's own heading first where there are several. */
export function timeLines({ id, deliveries }: EventLog): string[] {
  return deliveries.flatMap((delivery) => [
    plain(`${id} to ${delivery.destinationId} (${delivery.workflowId}): ${delivery.status}`),
    ...entriesOf(delivery)
      .toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at))
      .map(({ at, text }) => `  ${timeOf(at)}  ${plain(text)}`),
    ...notesOf(delivery).map((note) => `  ${plain(note)}`),
  ]);
}

const entriesOf = (delivery: Delivery): Entry[] => [
  { at: delivery.acceptedAt, text: 'accepted' },
  ...delivery.attempts.map((attempt) => ({ at: attempt.startedAt, text: attemptText(attempt) })),
  ...delivery.interventions.map(({ kind, at, by, reason, replayId }) => ({
    at,
    text: `${kind}${replayId ? ` (${replayId})` : ''}${by ? ` by ${by}` : ''}${reason ? `: ${reason}` : ''}`,
  })),
];

function attemptText(attempt: Delivery['attempts'][number]): string {
  const { number, outcome, records, broker, partition, offset, error } = attempt;
  const where = [
    ...(broker === undefined ? [] : [`broker ${broker}`]),
    ...(partition === undefined ? [] : [`partition ${partition}`]),
    ...(offset === undefined ? [] : [`offset ${offset}`]),
  ].join(', ');
  const why = error ? `: ${error.name}: ${error.message}` : '';
  return `attempt ${number}, ${countOf(records, 'record')}: ${outcome}${lastedText(attempt)}${where && ` (${where})`}${why}`;
}

function notesOf(delivery: Delivery): string[] {
  const { status, error, nextAttemptAt, attemptsLeftOut, incomplete, runsPassedOver, deletedBefore } = delivery;
  return [
    ...(attemptsLeftOut ? [leftOutText(attemptsLeftOut)] : []),
    ...(error && status !== 'delivered' ? [`${error.name}: ${error.remedy}`] : []),
    ...(nextAttemptAt ? [`The next attempt is at ${timeOf(nextAttemptAt)}.`] : []),
    ...(status === 'expired'
      ? ["Temporal has deleted the history (the namespace's retention): what became of it is not known here."]
      : []),
    ...(deletedBefore
      ? ["Temporal has deleted the beginning (the namespace's retention): this is what the open lane tells."]
      : []),
    ...(runsPassedOver
      ? [
          `It waited through ${countOf(runsPassedOver, 'run')} that were not read: for tries in them see the lane's log.`,
        ]
      : []),
    ...(incomplete
      ? [
          status === 'expired'
            ? 'The open lane may still hold it: it has more overflow segments than are read.'
            : 'The lane has gone on for more runs than are read: see the Temporal UI for what came later.',
        ]
      : []),
  ];
}
