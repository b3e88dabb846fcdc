import { expect, test } from 'vitest';
import { toldForMs } from '../../activities/keeperCall.ts';
import { listedAfterMs } from '../../domain/keeper.ts';

test('a fault that comes back after its keeper has listed the lanes that hold for it is told again', () => {
  expect(toldForMs).toBeLessThan(listedAfterMs);
});
