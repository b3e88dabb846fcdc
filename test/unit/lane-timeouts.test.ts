import { expect, test } from 'vitest';
import type { Outcome } from '../../domain/attempt.ts';
import { defaultLaneLimits } from '../../domain/lane.ts';
import { newLaneState, settled } from '../../domain/laneState.ts';
import { laneTimeouts } from '../../domain/laneTimeouts.ts';
import { renewed } from '../harness/laneSteps.ts';
import { blockWithKeys } from '../harness/produceActivity.ts';

const outcome: Outcome = { attempts: [], landed: [], refused: [] };
const sending = { ...newLaneState(defaultLaneLimits), sending: blockWithKeys(['k']) };
const timeoutsOf = ({ isCalm }: { isCalm: boolean }) => laneTimeouts(isCalm);

test("a lane's timeouts are short after a calm worker's batch, in its next run too, and long before and after any other", () => {
  const calm = settled(sending, { ...outcome, isCalm: true }, 1_000);
  expect(timeoutsOf(sending)).toEqual({ workflowTaskMs: 5_000, heartbeatMs: 4_000 });
  expect(timeoutsOf(calm)).toEqual({ workflowTaskMs: 2_000, heartbeatMs: 1_800 });
  expect(timeoutsOf(renewed(calm))).toEqual(timeoutsOf(calm));
  const then = settled({ ...calm, sending: sending.sending }, outcome, 2_000);
  expect(timeoutsOf(then)).toEqual(timeoutsOf(sending));
  expect(timeoutsOf(renewed(then))).toEqual(timeoutsOf(sending));
});
