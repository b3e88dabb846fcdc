import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { faultsFrom } from '../faults/arguments.ts';
import type { Fault, FaultAuth } from '../faults/fault.ts';
import { runFault } from '../faults/runFault.ts';
import { type Stand, startStand } from '../faults/stand/stand.ts';
import { sharedServers } from '../harness/sharedServers.ts';

// The cheapest of `npm run test:faults`, some of each sort, through the same code. Not here: what needs three brokers or a second worker,
// half a minute each to start and to wait for; broker and Temporal stopped, which other tests do; half-open for requests, 12 s beside
// that for answers.
const named = 'none,worker-killed,api-killed,topic-recreated,write-revoked,poison';

let stand: Stand;
beforeAll(async () => {
  stand = await startStand({ code: sharedServers().code });
});
afterAll(() => stand.stop());

/** How the brokers are told who we are; over plaintext where nothing is said. */
const over: Record<string, FaultAuth> = {
  'worker-killed': 'scram',
  'topic-recreated': 'mtls',
  'write-revoked': 'scram',
};

/** That it did harm is judged with all else: without it nothing would be proven. Times are not: other tests run beside. */
async function expectNothingWrong(fault: Fault, by: FaultAuth): Promise<void> {
  const result = await runFault(stand, fault, 'short', { by, isTimed: false });

  expect(result.problems, `${fault.name}: ${JSON.stringify(result.examples, null, 2)}`).toEqual([]);
  expect(result.rounds).toHaveLength(fault.times.short);
  expect(result.accepted).toBeGreaterThan(100);
  expect(result.arrived + result.goneWithTopic).toBe(result.accepted);
}

const promise =
  'all that was accepted arrives, in order, and what is there twice has an attempt of unknown outcome on record';
test.each(faultsFrom(named))(`$title: ${promise}`, (fault) => expectNothingWrong(fault, over[fault.name] ?? 'none'));

describe.concurrent('while the connection is harmed, each way of authentication through a proxy of its own', () => {
  test.each([
    { by: 'none', names: 'latency,bandwidth' },
    { by: 'scram', names: 'half-open-answers' },
    { by: 'mtls', names: 'reset-before-append,reset-after-append' },
  ] as const)(`$names: ${promise}`, async ({ by, names }) => {
    for (const fault of faultsFrom(names)) await expectNothingWrong(fault, by);
  });
});
