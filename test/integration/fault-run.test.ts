import { afterAll, beforeAll, expect, test } from 'vitest';
import { faultsFrom } from '../faults/arguments.ts';
import type { FaultAuth } from '../faults/fault.ts';
import { type FaultResult, runFault } from '../faults/runFault.ts';
import { type Stand, startStand } from '../faults/stand/stand.ts';

// The cheapest of `npm run test:faults`, one or more of each sort, through the same code.
const named = 'none,worker-killed,api-killed,reset-after-append,topic-recreated,write-revoked,poison';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand();
});
afterAll(() => stand.stop());

/** How the brokers are told who we are; over plaintext where nothing is said. */
const over: Record<string, FaultAuth> = {
  'worker-killed': 'scram',
  'reset-after-append': 'mtls',
  'topic-recreated': 'mtls',
  'write-revoked': 'scram',
};

/** What shows that the fault has had an effect: without it nothing would be proven. */
const effects: Record<string, (result: FaultResult) => void> = {
  'worker-killed': ({ longestStallMs }) => expect(longestStallMs).toBeGreaterThan(2_000),
  'api-killed': ({ answers }) => expect(Object.keys(answers).some((name) => name.startsWith('no answer'))).toBe(true),
  'reset-after-append': ({ duplicated, explained }) => {
    expect(duplicated).toBeGreaterThan(0);
    expect(explained).toBe(duplicated);
  },
  'topic-recreated': ({ longestStallMs }) => expect(longestStallMs).toBeGreaterThan(4_000),
  'write-revoked': ({ longestStallMs }) => expect(longestStallMs).toBeGreaterThan(4_000),
  poison: ({ parked }) => expect(parked).toBe(48),
};

test.each(faultsFrom(named))(
  '$title: all that was accepted arrives, in order, and what is there twice has an attempt of unknown outcome on record',
  async (fault) => {
    const result = await runFault(stand, fault, 'short', over[fault.name] ?? 'none');

    expect(result.problems, JSON.stringify(result.examples, null, 2)).toEqual([]);
    expect(result.rounds).toHaveLength(fault.times.short);
    expect(result.accepted).toBeGreaterThan(100);
    expect(result.arrived + result.goneWithTopic).toBe(result.accepted);
    effects[fault.name]?.(result);
  },
);
