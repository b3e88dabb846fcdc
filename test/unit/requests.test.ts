import { describe, expect, test } from 'vitest';
import { type Block, blockOf } from '../../domain/block.ts';
import { deliveryLogOf, type LaneRecord } from '../../domain/deliveryLog.ts';
import { discarded, replayed, requestsMax } from '../../domain/interventions.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { carriedBytes, enqueued, type LaneState, newLaneState, planned, settled } from '../../domain/laneState.ts';
import { discardedBefore, noteSettled, nothingSettled } from '../../domain/settledBefore.ts';
import { everything, fault, idOf, produced, renewed } from '../harness/laneSteps.ts';

const asked = (request: string) => ({ ...everything, request });
const block = (): Block => blockOf([{ id: idOf(1), key: 'k', value: Buffer.from('{}') }], 1, 0);
const refused = (state: LaneState): LaneState => {
  const sending = planned(state);
  if (!sending.sending) throw new Error('There is nothing to send.');
  return settled(sending, produced(sending.sending, () => true, false, 'continue').outcome, 1_000);
};
const parked = (): LaneState => refused(enqueued(newLaneState(defaultLaneLimits), block(), 1_000));

describe('a lane follows a request once', () => {
  test('a replay that comes again leaves alone what was parked again since, in the next run too', () => {
    const again = refused(replayed(parked(), asked('one')));
    for (const state of [again, renewed(again), renewed(renewed(again))]) {
      expect(replayed(state, asked('one'))).toBe(state);
      expect(replayed(state, asked('another')).deadLetters).toEqual([]);
      expect(replayed(state, everything).deadLetters).toEqual([]);
    }
  });

  test('a discard that comes again gives up nothing more, though the first one met nothing', () => {
    const met = discarded(newLaneState(defaultLaneLimits), asked('one'));
    const later = refused(enqueued(met, block(), 1_000));
    expect(discarded(renewed(later), asked('one')).deadLetters).toHaveLength(1);
    expect(discarded(renewed(later), asked('two')).deadLetters).toEqual([]);
  });

  test('it remembers the last hundred, and counts what it carries of them', () => {
    const fresh = newLaneState(defaultLaneLimits);
    let state = fresh;
    for (let n = 0; n < requestsMax + 5; n++) state = replayed(state, asked(`${'r'.repeat(20)}${n % 90}${n}`));
    expect(state.requests).toHaveLength(requestsMax);
    const bytes = JSON.stringify(state.requests).length;
    expect(carriedBytes(state) - carriedBytes(fresh)).toBeGreaterThanOrEqual(bytes);
  });
});

describe('those who read histories count a request once', () => {
  const scheduled = (batch: string): LaneRecord => ({
    ...{ kind: 'scheduled', batch, activity: batch, atMs: 1, block: block() },
  });
  const refusal: LaneRecord['kind'] = 'completed';
  const parkedIn = (batch: string): LaneRecord[] => [
    scheduled(batch),
    {
      ...{ kind: refusal, batch, atMs: 2 },
      outcome: {
        ...{ onDeadLetter: 'continue', attempts: [], landed: [] },
        refused: [{ position: 0, attempt: 1, error: fault }],
      },
    },
  ];
  const given = (kind: 'replay' | 'discard'): LaneRecord => ({ kind, atMs: 3, selected: asked('one') });

  test("the event's log", () => {
    const records = [...parkedIn('1'), given('replay'), ...parkedIn('2'), given('replay')];
    expect(deliveryLogOf(idOf(1), records)).toMatchObject({ status: 'parked', interventions: [{ kind: 'replay' }] });
  });

  test('what was given up before a reset', () => {
    const known = nothingSettled();
    noteSettled(known, [given('discard'), ...parkedIn('1'), given('discard')]);
    expect(discardedBefore(block().entries, known)).toEqual([]);
  });
});
