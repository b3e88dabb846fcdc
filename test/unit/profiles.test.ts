import { expect, test } from 'vitest';
import { selfTimes, timesByOwner } from '../../bench/profiles/main.ts';

const node = (id: number, functionName: string, url = '') => ({ id, callFrame: { functionName, url, lineNumber: 9 } });

test('a profile tells which functions were on the processor themselves, and not what was idle', () => {
  const nodes = [node(1, '(root)'), node(2, '(idle)'), node(3, 'encode', 'node:zlib'), node(4, '(garbage collector)')];
  const profile = { nodes, samples: [2, 3, 3, 4, 2, 1], timeDeltas: [9_000, 2_000, 1_000, 500, 9_000, 9_000] };
  expect(selfTimes(profile)).toEqual({
    busyMs: 3.5,
    longest: [
      ['encode node:zlib:10', 3],
      ['(garbage collector)', 0.5],
    ],
  });
});

test('a profile tells whose code took the time: what is of Node itself counts for the file or package that called it', () => {
  const called = (id: number, functionName: string, url: string, children: number[]) => ({
    ...node(id, functionName, url),
    children,
  });
  const nodes = [
    called(1, '(root)', '', [2, 5, 8, 9]),
    called(2, 'accept', 'file:///home/us/api/accept.ts', [3]),
    called(3, 'gzip', 'file:///home/us/node_modules/@scope/zip/index.js', [4, 10]),
    called(4, 'processChunk', 'node:zlib', []),
    called(5, 'onRead', 'node:net', [6]),
    called(6, 'writev', '', []),
    called(8, '(garbage collector)', '', []),
    called(9, '(idle)', '', []),
    called(10, '(garbage collector)', '', []),
  ];
  const profile = { nodes, samples: [2, 3, 4, 6, 8, 9, 10], timeDeltas: [1_000, 2_000, 4_000, 500, 250, 9_000, 125] };
  const { busyMs, longest } = timesByOwner(profile);
  expect(busyMs).toBe(7.875);
  expect(longest.map(([name, ms]) => [name.replace(/^.*home\/us\//, ''), ms])).toEqual([
    ['@scope/zip', 6],
    ['api/accept.ts', 1],
    ['writev', 0.5],
    ['(garbage collector)', 0.375],
  ]);
});
