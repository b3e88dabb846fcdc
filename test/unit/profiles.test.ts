import { expect, test } from 'vitest';
import { selfTimes } from '../../bench/profiles/main.ts';

const node = (id: number, functionName: string, url = '') => ({ id, callFrame: { functionName, url, lineNumber: 9 } });

test('a profile tells which functions were on the processor themselves, and not what was idle', () => {
  const nodes = [node(1, '(root)'), node(2, '(idle)'), node(3, 'encode', 'node:zlib'), node(4, '(garbage collector)')];
  const profile = { nodes, samples: [2, 3, 3, 4, 2, 1], timeDeltas: [9_000, 2_000, 1_000, 500, 9_000, 9_000] };
  expect(selfTimes(profile)).toEqual({
    busyMs: 3.5,
    functions: [
      ['encode node:zlib:10', 3],
      ['(garbage collector)', 0.5],
    ],
  });
});
