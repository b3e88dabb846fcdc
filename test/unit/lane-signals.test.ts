import { describe, expect, test } from 'vitest';
import { isFitting, selectionFrom } from '../../domain/laneSignals.ts';

const digest = 'A'.repeat(22);

describe('replay and discard', () => {
  test('take event ids, with a reason and who asks', () => {
    expect(selectionFrom({ ids: [`evt_${digest}`], reason: 'mended', by: 'ada' }, 'nothing')).toEqual({
      ...{ digests: new Set([digest]), reason: 'mended', by: 'ada' },
    });
  });

  test('know the request that they are for where the API names it beside the input', () => {
    const [input, about] = [{ ids: [`evt_${digest}`] }, { request: 'r' }];
    expect(selectionFrom(input, 'nothing', about)).toMatchObject({ digests: new Set([digest]), request: 'r' });
    for (const other of [undefined, null, 7, {}, { request: 7 }]) {
      expect(selectionFrom(input, 'nothing', other)).toEqual(selectionFrom(input, 'nothing'));
    }
  });

  test('take everything: said so for both, and without a word for replay alone', () => {
    for (const input of [{ all: true }, { all: true, reason: 'r', by: 'b' }]) {
      expect(selectionFrom(input, 'nothing')?.digests).toBe('all');
      expect(selectionFrom(input, 'all')?.digests).toBe('all');
    }
    for (const input of [undefined, null, {}, { by: 'ada' }]) {
      expect(selectionFrom(input, 'all')?.digests).toBe('all');
      expect(selectionFrom(input, 'nothing')).toBeUndefined();
    }
  });

  test.each([
    ...[7, 'evt_x', true, [], [`evt_${digest}`], { ids: [] }, { ids: `evt_${digest}` }, { ids: null }, { ids: [7] }],
    ...[
      { ids: [`evt_${digest}`, 7] },
      { id: `evt_${digest}` },
      { eventIds: [digest] },
      { all: false },
      { all: 'true' },
    ],
    ...[{ ids: [`evt_${digest}`], all: true }],
  ])('take nothing where the input is malformed: %j', (input) => {
    expect(selectionFrom(input, 'all')).toBeUndefined();
    expect(selectionFrom(input, 'nothing')).toBeUndefined();
  });
});

test('pause and resume take a note or nothing', () => {
  for (const name of ['pause', 'resume']) {
    expect([undefined, null, {}, { by: 'ada' }].every((input) => isFitting(name, input))).toBe(true);
    const none = [7, 'x', [], true, { ids: ['evt_x'] }, { by: 'ada', all: true }, { reason: 7 }];
    expect(none.some((input) => isFitting(name, input))).toBe(false);
  }
  expect(isFitting('replay', 7)).toBe(true); // It looks for itself.
});
