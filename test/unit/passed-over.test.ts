import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { leftLanesMax, leftRunsMax, restOf } from '../../domain/passedOver.ts';
import { newReplayState, nextStep, type ReplayStart, type ReplayState, read } from '../../domain/replay.ts';
import type { ResendRequest, Resent } from '../../domain/replayCalls.ts';

const start = (runs: readonly Run[]): ReplayStart => ({
  ...{ id: 'rpl_a', of: 'delivered', filter: {}, dryRun: false, eventsPerSecond: 100, eventsMax: 10_000, by: 'ada' },
  named: { ids: [], lanes: [], runs: runs.map(({ lane }, n) => ({ workflowId: lane, runId: String(n) })) },
});
/** Of a lane; each of its events is a part of its own. */
type Run = { lane: string; events: number };
type Told = { state: ReplayState; steps: number; sent: string[]; places: Map<string, number[]> };

/** Plays a replay to its end as the activity does it, two parts a step; `isSilent` says which lanes have no room at a step. */
function played(runs: readonly Run[], isSilent: (lane: string, step: number) => boolean, from?: ReplayState): Told {
  const of = start(runs);
  const told: Told = { state: from ?? newReplayState(of, 1_000), steps: 0, sent: [], places: new Map() };
  for (let step = 0; step < 10_000; step++) {
    const next = nextStep(of, told.state);
    if (next.kind !== 'runs') break;
    told.steps++;
    told.state = read(
      of,
      told.state,
      sentOf(told, next.request, runs, (lane) => isSilent(lane, step)),
    );
  }
  return told;
}

function sentOf(told: Told, request: ResendRequest, runs: readonly Run[], isSilent: (lane: string) => boolean): Resent {
  const done: Resent = { events: 0, runs: 0, deletedRuns: 0 };
  const left: NonNullable<Resent['left']> = [];
  const eventsIn = ({ runId }: { runId: string }): number => runs[Number(runId)]?.events ?? 0;
  for (const [n, run] of request.runs.entries()) {
    const lane = run.workflowId;
    const round = request.round + n;
    for (let at = n === 0 ? request.part : 0; at < eventsIn(run); at++) {
      if (!request.dryRun) {
        const isOut = request.passedOver?.includes(lane) || left.some(({ workflowId }) => workflowId === lane);
        if (isOut || isSilent(lane)) {
          left.push({ ...run, round, part: at, events: eventsIn(run) - at });
          break;
        }
        if (done.events === 2) return { ...done, nextPart: at, ...(left.length > 0 && { left }) };
        told.sent.push(`${run.runId}/${at}`);
        told.places.set(lane, [...(told.places.get(lane) ?? []), round * 100 + at]);
      }
      done.events++;
    }
    done.runs++;
  }
  return { ...done, ...(left.length > 0 && { left }) };
}

const eventsOf = (runs: readonly Run[]): string[] =>
  runs.flatMap(({ events }, n) => Array.from({ length: events }, (_, at) => `${n}/${at}`));
const lanes = ['a', 'b', 'c', 'd'];
const someRuns = fc.array(fc.record({ lane: fc.constantFrom(...lanes), events: fc.nat(5) }), {
  ...{ minLength: 1, maxLength: 25 },
});
/** A lane has no room in these steps. */
const silences = fc.record({ lane: fc.constantFrom(...lanes), from: fc.nat(20), to: fc.nat(40) });

describe('a replay that passes lanes over', () => {
  test('sends each event once in the end, however often it is continued, and never goes back in a lane', () => {
    fc.assert(
      fc.property(someRuns, fc.array(fc.array(silences, { maxLength: 4 }), { maxLength: 3 }), (runs, tries) => {
        let from: ReplayState | undefined;
        const sent: string[] = [];
        const places = new Map<string, number[]>();
        for (const silent of [...tries, []]) {
          const told = played(
            runs,
            (lane, step) => silent.some((one) => one.lane === lane && one.from <= step && step < one.to),
            from && JSON.parse(JSON.stringify(from)),
          );
          sent.push(...told.sent);
          for (const [lane, more] of told.places) places.set(lane, [...(places.get(lane) ?? []), ...more]);
          const { progress } = told.state;
          const total = eventsOf(runs).length;
          expect(progress).toMatchObject({ status: 'done', events: sent.length, total });
          expect(progress.unansweredEvents ?? 0).toBe(total - sent.length);
          expect(progress.unanswered).toBe(progress.unansweredLanes?.length ?? 0);
          from = restOf(told.state);
          expect(from === undefined).toBe(sent.length === total);
          if (!from) break;
        }
        expect(sent.toSorted()).toEqual(eventsOf(runs).toSorted());
        for (const ofLane of places.values()) {
          expect(ofLane).toEqual([...new Set(ofLane)].toSorted((one, other) => one - other));
        }
      }),
    );
  });

  const runs = ['a', 'b', 'a', 'c'].map((lane) => ({ lane, events: 2 }));

  test('sends to all others meanwhile, tries once more at the end, and names what is left', () => {
    const { state, sent } = played(runs, (lane) => lane === 'a');
    expect(sent).toEqual(['1/0', '1/1', '3/0', '3/1']);
    expect(state.progress).toMatchObject({ events: 4, total: 8, unanswered: 1, unansweredEvents: 4, runs: 4 });
    expect(state.progress.unansweredLanes).toEqual(['a']);
    const once = played(runs, (lane, step) => lane === 'a' && step < 3);
    expect(once.sent.toSorted()).toEqual(eventsOf(runs));
    expect(once.state.progress).toMatchObject({ status: 'done', events: 8, unanswered: 0 });
    expect(once.state.progress.unansweredEvents).toBeUndefined();
    expect(restOf(once.state)).toBeUndefined();
  });

  test('ends where more lanes are left than it remembers, and goes on from there', () => {
    const many = Array.from({ length: 3 * leftLanesMax }, (_, n) => ({ lane: `lane-${n}`, events: 1 }));
    const first = played(many, () => true);
    expect(first.state.progress).toMatchObject({ status: 'stalled', events: 0, unanswered: expect.any(Number) });
    expect(first.state.progress.unanswered).toBeLessThan(2 * leftLanesMax);
    expect(first.state.progress.unansweredLanes).toHaveLength(10);
    const second = played(many, () => true, restOf(first.state));
    expect(second.state.progress).toMatchObject({ status: 'stalled', events: 0 });
    expect(second.state.progress.unanswered).toBeGreaterThan(first.state.progress.unanswered);
    const rest = played(many, () => false, restOf(second.state));
    expect(rest.state.progress).toMatchObject({ status: 'done', events: many.length, unanswered: 0 });
    expect(rest.sent.toSorted()).toEqual(eventsOf(many).toSorted());
  });

  test('is not kept from the lanes behind by one of many runs, which is left whole where it is tried in vain', () => {
    const silent = Array.from({ length: 600 }, () => ({ lane: 'silent', events: 1 }));
    const others = Array.from({ length: 300 }, (_, n) => ({ lane: `lane-${n}`, events: 1 }));
    const isSilent = (lane: string): boolean => lane === 'silent';
    const few = played([...silent, ...others], isSilent);
    expect(few.state.progress).toMatchObject({ status: 'done', events: 300, unanswered: 1, unansweredEvents: 600 });
    const again = played([...silent, ...others], isSilent, restOf(few.state));
    expect([again.sent, again.steps]).toEqual([[], 1]);
    const most = Array.from({ length: leftRunsMax + 100 }, () => ({ lane: 'silent', events: 1 }));
    const stalled = played([...most, ...others], isSilent);
    expect(stalled.state.progress).toMatchObject({ status: 'stalled', events: 0 });
    const on = played([...most, ...others], isSilent, restOf(stalled.state));
    expect(on.state.progress).toMatchObject({ status: 'done', events: 300, unansweredEvents: most.length });
    const over = played([...most, ...others], () => false, restOf(on.state));
    expect(over.state.progress).toMatchObject({ status: 'done', events: most.length + 300, unanswered: 0 });
    expect(over.sent).toHaveLength(most.length);
  });
});
