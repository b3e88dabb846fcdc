import { expect, test } from 'vitest';
import { pageOf } from '../faults/report/markdown.ts';
import type { FaultRun } from '../faults/report/results.ts';

const run = { cpu: 'a', cores: 2, memoryGiB: 24, system: 'Linux', node: 'v20', loadBefore: 0 };
const result: FaultRun['results'][number] = {
  ...{ fault: 'none', title: 'no fault', workers: 1, parked: 0, answers: {}, arrived: 9, outOfOrder: 0, problems: [] },
  ...{ unanswered: 0, lost: 0, goneWithTopic: 0, lateWrites: 0, duplicated: 0, explained: 0, longestStallMs: 300 },
  ...{ accepted: 9, rounds: [], examples: [] },
};
const runAt = (hour: string, accepted: number, more: Partial<FaultRun> = {}): FaultRun => ({
  ...{ command: `npm run test:faults -- ${hour}`, form: 'full', results: [{ ...result, accepted }] },
  run: { ...run, startedAt: `2026-01-15T${hour}:00:00Z`, commit: 'abc' },
  ...more,
});

const eager = { 'system.enableActivityEagerExecution': 'true' };
/** Each section of the page: its heading, and how many events it says were accepted. */
const sectionsIn = (page: string): [string, string[]][] =>
  page
    .split('\n## ')
    .slice(1)
    .map((text) => [
      text.split('\n')[0] ?? '',
      [...text.matchAll(/^\| no fault \| 0 \| 1 \| (\d+)/gm)].map((m) => m[1] ?? ''),
    ]);

test('a run with another client, or another setting of Temporal, has a section of its own, behind those of what is shipped', () => {
  const page = pageOf([
    runAt('05', 5, { server: eager }),
    runAt('04', 4, { client: 'platformatic', auth: 'none' }),
    runAt('01', 1, { auth: 'mtls' }),
    runAt('02', 2),
    runAt('03', 3, { auth: 'none' }),
  ]);
  expect(sectionsIn(page)).toEqual([
    ['Over plaintext', ['3']], // The last of two.
    ['Over TLS, with a client certificate', ['1']],
    ['Over plaintext; Temporal with `system.enableActivityEagerExecution=true`', ['5']],
    ["Over plaintext; with `@platformatic/kafka` in kafkajs's place", ['4']],
  ]);
});

test('what went wrong with another client is no word on ours', () => {
  const failed = { ...result, problems: ['1 lost'] };
  const page = pageOf([runAt('02', 2), runAt('03', 3, { client: 'platformatic', results: [failed] })]);
  const [ours = '', other = ''] = page.split('\n## ').slice(1);
  expect(ours).toContain('Nothing was wrong');
  expect(other).toContain('- none: 1 lost');
});
