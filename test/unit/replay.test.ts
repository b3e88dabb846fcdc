import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { failureRowOf } from '../../domain/failures.ts';
import {
  clocksDifferMs,
  countEnd,
  countEnded,
  listed,
  newReplayState,
  nextStep,
  paged,
  pauseAfterMs,
  type ReplayStart,
  type ReplayState,
  read,
} from '../../domain/replay.ts';
import type { FoundRuns, ResendRequest, Resent, RunsRequest } from '../../domain/replayCalls.ts';
import { isMeant, isOfTime } from '../../domain/replayFilter.ts';

const startedMs = 1_000;
const startOf = (more: Partial<ReplayStart> = {}): ReplayStart => ({
  ...{ id: 'rpl_a', of: 'delivered', filter: { destinationId: 'dst_a' }, dryRun: false, eventsPerSecond: 100 },
  ...{ eventsMax: 1_000, by: 'ada' },
  ...more,
});

/** A run of a lane that delivered so many events; `closedMs` is absent while it is open. */
type Run = { startedMs: number; closedMs?: number | undefined; events: number };
const runsMax = 3;

/** What Temporal would list of these runs, whose ids are their positions. */
function found(runs: readonly Run[], { of, afterMs, toMs, startedAt }: RunsRequest): FoundRuns {
  const endMs = Date.parse(startedAt);
  const isOpenThen = ({ closedMs }: Run): boolean => closedMs === undefined || closedMs > endMs;
  const atMs = (run: Run): number | undefined => (of === 'closed' ? run.closedMs : run.startedMs);
  const fitting = runs.flatMap((run, n) => {
    const ms = atMs(run);
    const isFitting = ms !== undefined && ms > afterMs && ms <= toMs && (of === 'closed' || isOpenThen(run));
    return isFitting ? [{ workflowId: 'w', runId: String(n) }] : [];
  });
  if (fitting.length > runsMax && toMs - afterMs > 1) return { runs: [], isTooMany: true };
  return { runs: fitting, isTooMany: false };
}

type Told = { state: ReplayState; counted: string[]; sent: string[]; places: number[] };

/** Plays a replay to its end, or through so many steps. Each event of a run is a part of its own. */
function played(start: ReplayStart, runs: readonly Run[], from?: ReplayState, stepsMax = 10_000): Told {
  const told: Told = { state: from ?? newReplayState(start, startedMs), counted: [], sent: [], places: [] };
  for (let steps = 0; steps < stepsMax; steps++) {
    const { state } = told;
    const step = nextStep(start, state);
    if (step.kind === 'over') break;
    if (step.kind === 'list') told.state = listed(start, state, found(runs, step.request));
    if (step.kind === 'parked') {
      const events = step.request.sweep ? 0 : 1;
      told.state = paged(start, state, { events, lanes: events, unanswered: 0 });
    }
    if (step.kind === 'runs') told.state = read(start, state, sentOf(told, step.request, runs));
  }
  return told;
}

/** As the activity does it: counts some runs, or sends two parts. */
function sentOf(told: Told, { runs: asked, part, round, dryRun }: ResendRequest, runs: readonly Run[]): Resent {
  const eventsIn = ({ runId }: { runId: string }): number => runs[Number(runId)]?.events ?? 0;
  if (dryRun) {
    const counted = asked.slice(0, 2);
    told.counted.push(...counted.map(({ runId }) => runId));
    return { events: counted.reduce((sum, run) => sum + eventsIn(run), 0), runs: counted.length, deletedRuns: 0 };
  }
  const done: Resent = { events: 0, runs: 0, deletedRuns: 0 };
  for (const [n, run] of asked.entries()) {
    for (let at = n === 0 ? part : 0; at < eventsIn(run); at++) {
      if (done.events === 2) return { ...done, nextPart: at };
      told.sent.push(`${run.runId}/${at}`);
      told.places.push((round + n) * 100 + at);
      done.events++;
    }
    done.runs++;
  }
  return done;
}
const eventsOf = (runs: readonly Run[]): string[] =>
  runs.flatMap(({ startedMs: ms, events }, run) =>
    ms > startedMs ? [] : Array.from({ length: events }, (_, n) => `${run}/${n}`),
  );

const someRuns = fc.array(
  fc
    .record({ startedMs: fc.nat(1_200), lasts: fc.option(fc.nat(400), { nil: undefined }), events: fc.nat(5) })
    .map(({ startedMs: ms, lasts, events }): Run => {
      const beganMs = ms + 1;
      return { startedMs: beganMs, events, ...(lasts !== undefined && { closedMs: beganMs + lasts }) };
    }),
  { maxLength: 30 },
);

describe('a replay of delivered events', () => {
  test('reads each run once that was there when it began, and sends each event once', () => {
    fc.assert(
      fc.property(someRuns, (runs) => {
        const { state, counted, sent } = played(startOf(), runs);
        const there = runs.flatMap((run, n) => (run.startedMs <= startedMs ? [String(n)] : []));
        expect(counted.toSorted()).toEqual(there.toSorted());
        expect(sent.toSorted()).toEqual(eventsOf(runs).toSorted());
        const total = sent.length;
        expect(state.progress).toMatchObject({ status: 'done', events: total, total, runs: there.length });
      }),
    );
  });

  test('goes on from where it was cancelled, and no part has the place of an earlier one', () => {
    fc.assert(
      fc.property(someRuns, fc.nat(60), (runs, steps) => {
        const first = played(startOf(), runs, undefined, steps);
        const kept: ReplayState = JSON.parse(JSON.stringify(first.state));
        const rest = played(startOf(), runs, kept);
        expect([...first.sent, ...rest.sent].toSorted()).toEqual(eventsOf(runs).toSorted());
        // Told by the lane's memory from a part that comes twice: it never goes back.
        const places = [...first.places, ...rest.places];
        expect(places).toEqual(places.toSorted((a, b) => a - b));
        expect(new Set(places).size).toBe(places.length);
      }),
    );
  });

  const runs: Run[] = [
    { startedMs: 1, closedMs: 500, events: 3 },
    { startedMs: 500, events: 4 },
  ];
  test('that is only to count sends nothing', () => {
    const { state, sent, counted } = played(startOf({ dryRun: true }), runs);
    expect([sent, counted]).toEqual([[], ['0', '1']]);
    expect(state.progress).toMatchObject({ status: 'done', events: 7, eventsPerSecond: 100 });
  });

  test('of more events than are allowed sends nothing, and says how many there are', () => {
    const { state, sent } = played(startOf({ eventsMax: 6 }), runs);
    expect(sent).toEqual([]);
    expect(state.progress).toMatchObject({ status: 'tooMany', total: 7, events: 0 });
    expect(played(startOf({ eventsMax: 7 }), runs).sent.length).toBe(7);
  });

  test('need not count on once there are too many, nor a dry run once it has taken too long; one that sends counts to the end', () => {
    const limits = { historyEventsMax: 1_000, countMsMax: 60_000 };
    const endOf = (more: Partial<ReplayStart>, steps: number, afterMs: number) => {
      const start = startOf({ limits, ...more });
      return countEnd(start, played(start, runs, undefined, steps).state, startedMs + afterMs);
    };
    const [afterList, afterCount] = [1, 2]; // Steps: counted are then the three of the run that had closed.
    expect([endOf({ eventsMax: 2 }, afterList, 0), endOf({ eventsMax: 2 }, afterCount, 0)]).toEqual([
      undefined,
      'tooMany',
    ]);
    expect(endOf({ eventsMax: 3 }, afterCount, 60_001)).toBeUndefined();
    expect(endOf({ dryRun: true }, afterCount, 60_000)).toBeUndefined();
    expect(endOf({ dryRun: true }, afterCount, 60_001)).toBe('tooLong');
    const over = played(startOf({ limits, eventsMax: 7 }), runs);
    expect(countEnd(startOf({ limits, eventsMax: 2, dryRun: true }), over.state, startedMs + 60_001)).toBeUndefined();
    const ended = countEnded(played(startOf(), runs, undefined, afterCount).state, 'tooMany');
    expect(nextStep(startOf(), ended)).toEqual({ kind: 'over' });
    expect(ended.progress).toMatchObject({ status: 'tooMany', total: 3, events: 0 });
  });

  test('leaves out the runs that had closed before the first event was accepted that is meant', () => {
    const filter = { destinationId: 'dst_a', acceptedFrom: new Date(501).toISOString() };
    expect(played(startOf({ filter }), runs).counted).toEqual(['1']);
  });

  test("reads those that closed just before, for Temporal's clock may be behind the one of who accepted", () => {
    const start = startOf({ filter: { destinationId: 'dst_a', acceptedFrom: new Date(80_501).toISOString() } });
    const late: Run[] = [20_000, 80_000].map((closedMs) => ({ startedMs: 1, closedMs, events: 1 }));
    expect(played(start, late, newReplayState(start, 100_000)).counted).toEqual([]);
    expect(played(start, late, newReplayState(start, 100_000, clocksDifferMs)).counted).toEqual(['1']);
    const early = startOf({ filter: { acceptedFrom: new Date(501).toISOString() } });
    expect(nextStep(early, newReplayState(early, 100_000, clocksDifferMs))).toMatchObject({ request: { afterMs: 0 } });
  });

  test('counts what retention has deleted meanwhile', () => {
    const start = startOf({ dryRun: true });
    let state = newReplayState(start, startedMs);
    state = listed(start, state, found(runs, { ...firstList(start, state) }));
    state = read(start, state, { events: 0, runs: 1, deletedRuns: 1 });
    expect(state.progress).toMatchObject({ runs: 1, deletedRuns: 1 });
  });
});

function firstList(start: ReplayStart, state: ReplayState): RunsRequest {
  const step = nextStep(start, state);
  if (step.kind !== 'list') throw new Error(`The step is ${step.kind}.`);
  return step.request;
}

test('a replay of events by their ids reads the runs and lanes where they are, and lists nothing', () => {
  const named = { ids: ['evt_a'], lanes: ['delivery:dst_a:k'], runs: [{ workflowId: 'w', runId: '0' }] };
  const start = startOf({ of: 'any', named });
  const kinds: string[] = [];
  let state = newReplayState(start, startedMs);
  for (let step = nextStep(start, state); step.kind !== 'over'; step = nextStep(start, state)) {
    kinds.push(step.kind);
    if (step.kind === 'list') throw new Error('It lists.');
    if (step.kind === 'runs') expect(step.request.ids).toEqual(['evt_a']);
    state =
      step.kind === 'runs'
        ? read(start, state, { events: 1, runs: 1, deletedRuns: 0 })
        : paged(start, state, { events: 1, lanes: 1, unanswered: 0 });
  }
  expect(kinds).toEqual(['parked', 'runs', 'parked', 'runs']); // Counted, then sent.
  expect(state.progress).toMatchObject({ status: 'done', events: 2, total: 2, named: 1 });
});

describe('a replay of dead letters', () => {
  /** Plays it; the pages of the first time have these events, lanes that don't answer, and so on. */
  function swept(sweeps: readonly (readonly [events: number, unanswered: number])[], isSwept = true) {
    const start = startOf({ of: 'parked' });
    let state = newReplayState(start, startedMs);
    const pages: (string | undefined)[] = [];
    for (let step = nextStep(start, state); step.kind === 'parked'; step = nextStep(start, state)) {
      const { page: asked, sweep = 0 } = step.request;
      pages.push(`${state.pass} ${sweep} ${asked ?? 'first'}`);
      const [events, unanswered] = sweeps[sweep] ?? [0, 0];
      const found = { events, lanes: events, unanswered, page: asked === undefined ? 'next' : undefined };
      expect(pauseAfterMs(start, state, found)).toBe(state.pass === 'count' ? 0 : events * 10);
      state = paged(start, state, found, isSwept);
    }
    return { pages, progress: state.progress };
  }
  const twice = (sweep: string): string[] => [`${sweep} first`, `${sweep} next`];

  test('counts page after page once, and sends until none is left, so that a lane is found that had gone on meanwhile', () => {
    const { pages, progress } = swept([
      [3, 0],
      [1, 0],
    ]);
    expect(pages).toEqual([...twice('count 0'), ...twice('send 0'), ...twice('send 1'), ...twice('send 2')]);
    expect(progress).toMatchObject({ status: 'done', events: 8, total: 6, unanswered: 0 });
  });

  test('asks a lane that did not answer once more, and counts it as unanswered where it does not then', () => {
    expect(
      swept([
        [0, 1],
        [0, 0],
      ]).progress,
    ).toMatchObject({ status: 'done', events: 0, unanswered: 0 });
    const { pages, progress } = swept([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(pages).toEqual([...twice('count 0'), ...twice('send 0'), ...twice('send 1')]);
    expect(progress).toMatchObject({ status: 'done', events: 0, unanswered: 2, unansweredParked: 2 });
  });

  test('is over in a bounded time though there is always one more; begun by older code it goes through them once', () => {
    const always = Array.from({ length: 100 }, () => [1, 0] as const);
    expect(swept(always).pages).toHaveLength(2 + 11 * 2);
    expect(swept(always, false).pages).toEqual([...twice('count 0'), ...twice('send 0')]);
  });
});

describe('a dead letter is meant', () => {
  const { kind, remedy } = failureRowOf('MESSAGE_TOO_LARGE');
  const letter = (at: string) => ({
    ...{ eventId: 'evt_a', partitionKey: 'k', bytes: 1, parkedAt: at },
    error: { kind, name: 'MESSAGE_TOO_LARGE', message: '', remedy },
  });
  const startedAt = '2026-01-02T00:00:00.000Z';
  const [at, later] = ['2026-01-01T00:00:00.000Z', '2026-01-01T12:00:00.000Z'];

  test('by its error and the time of its parking: from then on, and before', () => {
    expect(isMeant(letter(at), {}, startedAt)).toBe(true);
    expect(isMeant(letter(at), { error: 'MESSAGE_TOO_LARGE' }, startedAt)).toBe(true);
    expect(isMeant(letter(at), { error: 'INVALID_RECORD' }, startedAt)).toBe(false);
    expect(isMeant(letter(at), { parkedFrom: at, parkedTo: later }, startedAt)).toBe(true);
    expect(isMeant(letter(later), { parkedFrom: at, parkedTo: later }, startedAt)).toBe(false);
    expect(isMeant(letter(at), { parkedFrom: later }, startedAt)).toBe(false);
  });
  test('unless it was parked after the replay began: it may be one that was sent again, in vain', () => {
    expect(isMeant(letter('2026-01-02T00:00:00.001Z'), {}, startedAt)).toBe(false);
  });
});

test('an event is of a time that begins with its first moment and ends before its last', () => {
  const acceptedFrom = '2026-01-01T00:00:00Z';
  const acceptedTo = '2026-01-01T02:00:00+01:00';
  const [fromMs, toMs] = [Date.parse(acceptedFrom), Date.parse(acceptedTo)];
  const filter = { acceptedFrom, acceptedTo };
  expect([fromMs - 1, fromMs, toMs - 1, toMs].map((ms) => isOfTime(ms, filter))).toEqual([false, true, true, false]);
  expect(isOfTime(0, {})).toBe(true);
});

test('many runs of the last minutes are found in few steps, though time begins in 1970; each once, as where they lie anywhere else', () => {
  const nowMs = Date.parse('2026-11-28T12:00:00Z');
  const start = startOf();
  const stepsFor = (startedAts: readonly number[]): { lists: number; seen: string[] } => {
    const runs = startedAts.map((startedMs): Run => ({ startedMs, events: 0 }));
    let state = newReplayState(start, nowMs);
    const seen: string[] = [];
    let lists = 0;
    for (
      let step = nextStep(start, state);
      step.kind !== 'over' && state.pass === 'count';
      step = nextStep(start, state)
    ) {
      if (step.kind === 'list') {
        lists++;
        state = listed(start, state, found(runs, step.request));
      } else if (step.kind === 'runs') {
        seen.push(...step.request.runs.map(({ runId }) => runId));
        state = read(start, state, { events: 0, runs: step.request.runs.length, deletedRuns: 0 });
      }
    }
    return { lists, seen: seen.toSorted((a, b) => Number(a) - Number(b)) };
  };
  const each = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
  const late = stepsFor(each(12).map((n) => nowMs - 60_000 + Number(n) * 4_000));
  expect(late.seen).toEqual(each(12));
  expect(late.lists).toBeLessThan(35);
  const day = 86_400_000;
  const spread = stepsFor(each(12).map((n) => nowMs - 30 * day + Number(n) * 2 * day));
  expect(spread.seen).toEqual(each(12));
});
