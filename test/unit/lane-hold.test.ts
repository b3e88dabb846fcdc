import { describe, expect, test } from 'vitest';
import type { Failed, Outcome } from '../../domain/attempt.ts';
import { blockOf } from '../../domain/block.ts';
import { carried, restored } from '../../domain/carriedLane.ts';
import { failureRows } from '../../domain/failures.ts';
import { replayed } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import {
  type Found,
  foundFrom,
  isMended,
  letGo,
  lookAfterMsMin,
  nowSuspended,
  suspensionFrom,
  woken,
} from '../../domain/laneHold.ts';
import { statusOf } from '../../domain/laneMessages.ts';
import {
  canSend,
  deliveryStateOf,
  enqueued,
  type LaneState,
  newLaneState,
  planned,
  settled,
} from '../../domain/laneState.ts';

const down: Failed = { kind: 'transient', name: 'ECONNREFUSED', message: 'refused', remedy: 'See.' };
const noAccess: Failed = {
  kind: 'destinationAtFault',
  name: 'TOPIC_AUTHORIZATION_FAILED',
  message: 'no',
  remedy: 'Grant.',
};
const nothing: Outcome = { attempts: [], landed: [], refused: [] };

function laneWith(count: number): LaneState {
  const deliveries = Array.from({ length: count }, (_, n) => ({
    id: String(n).padStart(22, '0'),
    key: 'k',
    value: new TextEncoder().encode('{}'),
  }));
  return enqueued(newLaneState(defaultLaneLimits), blockOf(deliveries, 1, 0), 1);
}
const answered = (state: LaneState, outcome: Outcome, nowMs = 1_000): LaneState =>
  settled(planned(state), outcome, nowMs);
const all = (count: number): Outcome['landed'] => {
  const positions = Array.from({ length: count }, (_, n) => n);
  return [{ partition: 0, broker: 'b:1', attempt: 1, positions, offsets: positions }];
};

describe('a lane that holds', () => {
  test('keeps its queue and sends nothing, says why, and goes on at the word of the keeper, of a person or of its timer', () => {
    const waiting = answered(laneWith(3), { ...nothing, waiting: down, version: 4 });
    expect([deliveryStateOf(waiting), canSend(waiting)]).toEqual(['Waiting', false]);
    expect(statusOf(waiting)).toMatchObject({
      waitingEvents: 3,
      hold: { kind: 'waiting', error: down, since: '1970-01-01T00:00:01.000Z' },
      held: { reason: 'waiting' },
    });
    for (const by of ['keeper', 'person', 'timer'] as const) {
      const going = letGo(waiting, by);
      expect(canSend(going)).toBe(true);
      expect(going.resumed).toEqual({ by, from: { kind: 'waiting', error: down, version: 4 }, holds: 1 });
    }
    expect(replayed(waiting, { digests: 'all', reason: undefined, by: undefined }).resumed?.by).toBe('person');
  });

  test('looks by itself after a quarter of an hour, and ever later as long as nothing comes through', () => {
    let state = answered(laneWith(1), { ...nothing, waiting: down }, 0);
    const waits = [state.hold?.looksAtMs];
    for (let holds = 0; holds < 6; holds++) {
      state = answered(letGo(state, 'timer'), { ...nothing, waiting: down }, 0);
      waits.push(state.hold?.looksAtMs);
    }
    expect(waits.map((ms) => (ms ?? 0) / lookAfterMsMin)).toEqual([1, 2, 4, 8, 16, 16, 16]);
    const through = answered(letGo(state, 'timer'), { ...nothing, landed: all(1) }, 0);
    expect([through.hold, through.resumed]).toEqual([undefined, undefined]);
  });

  test('begins anew with its patience once something has come through, though not all', () => {
    const resumed = letGo(answered(laneWith(2), { ...nothing, waiting: down }), 'keeper');
    const partly = answered(resumed, { ...nothing, landed: all(1), waiting: down }, 0);
    expect([partly.resumed, partly.hold?.looksAtMs, statusOf(partly).waitingEvents]).toEqual([
      undefined,
      lookAfterMsMin,
      1,
    ]);
  });

  test('holds on in its next run, until the same time', () => {
    const state = answered(letGo(answered(laneWith(2), { ...nothing, waiting: down }), 'timer'), {
      ...nothing,
      suspended: noAccess,
    });
    const [head, ...blocks] = carried(state, 2_000);
    const next = restored(defaultLaneLimits, JSON.parse(JSON.stringify(head)), blocks);
    expect([next.hold, next.resumed]).toEqual([state.hold, state.resumed]);
    expect(deliveryStateOf(next)).toBe('Suspended');
  });

  test('does not change what a dead letter holds back, when the destination could not be read', () => {
    const blocking = answered(laneWith(2), { ...nothing, onDeadLetter: 'block', waiting: down });
    expect(answered(letGo(blocking, 'keeper'), { ...nothing, waiting: down }).onDeadLetter).toBe('block');
  });

  test('is suspended once what it waits for has lasted; one that is not waiting is left alone', () => {
    const suspension = { error: noAccess, version: 4 };
    const waiting = answered(laneWith(1), { ...nothing, waiting: down });
    expect(nowSuspended(waiting, suspension).hold).toMatchObject({ kind: 'suspended', error: noAccess, version: 4 });
    const going = laneWith(1);
    expect(nowSuspended(going, suspension)).toBe(going);
    expect(woken(going, { version: 4 })).toBe(going);
  });
});

describe('a probe that went through', () => {
  const suspendedFor = (name: string, version?: number): LaneState =>
    answered(laneWith(1), { ...nothing, suspended: { ...noAccess, name }, version });
  const goesOn = (state: LaneState, found: Found): boolean => canSend(woken(state, found));

  test('lets every lane go on that waits', () => {
    expect(goesOn(answered(laneWith(1), { ...nothing, waiting: down, version: 4 }), { version: 4 })).toBe(true);
  });

  test('shows mended what the probe itself would have met, and the right to write where the broker tells of it', () => {
    expect(goesOn(suspendedFor('SASL_AUTHENTICATION_FAILED', 4), { version: 4 })).toBe(true);
    expect(goesOn(suspendedFor('DESTINATION_DISABLED', 4), { version: 5 })).toBe(true);
    expect(goesOn(suspendedFor('TOPIC_AUTHORIZATION_FAILED', 4), { version: 4 })).toBe(false);
    expect(goesOn(suspendedFor('TOPIC_AUTHORIZATION_FAILED', 4), { version: 4, canWrite: true })).toBe(true);
  });

  test('does not show mended what only a write meets, unless the destination was changed since', () => {
    expect(isMended({ name: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', version: 4 }, { version: 4, canWrite: true })).toBe(
      false,
    );
    expect(isMended({ name: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', version: 4 }, { version: 5 })).toBe(true);
    expect(isMended({ name: 'UNSUPPORTED_FOR_MESSAGE_FORMAT', version: 5 }, { version: 4 })).toBe(false);
  });
});

test('what a probe can show mended is what suspends a lane, and nothing else', () => {
  const shown = failureRows.filter(({ mendedBy }) => mendedBy !== undefined);
  expect(shown.filter(({ kind, lasting }) => ![kind, lasting?.kind].includes('destinationAtFault'))).toEqual([]);
  const login = shown.filter(({ name }) => /SASL|CERT|ENOTFOUND|EPROTO/.test(name)).map(({ mendedBy }) => mendedBy);
  expect(new Set(login)).toEqual(new Set(['probe']));
});

test.each([
  [undefined],
  [null],
  [7],
  ['x'],
  [[]],
  [{}],
  [{ version: 0 }],
  [{ version: '4' }],
  [{ version: 4, canWrite: 'yes' }],
])('wake %j says nothing', (input) => expect(foundFrom(input)).toBeUndefined());
test.each([
  [undefined],
  [null],
  [7],
  [{}],
  [{ error: null }],
  [{ error: { name: 'X' } }],
  [{ error: { name: 'X', message: 'm' }, version: 'y' }],
])('suspend %j says nothing', (input) => expect(suspensionFrom(input)).toBeUndefined());
