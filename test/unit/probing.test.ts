import { expect, test } from 'vitest';
import { Probing } from '../../activities/probing.ts';

function gate() {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}

test('a probe counts as with earlier credentials until it says which it has read, and no more when it is over', async () => {
  const probing = new Probing();
  const hasLetGo = (version: number): boolean => probing.hasLetGoBefore({ id: 'dst_a', version });
  const opening = gate();
  const asking = gate();
  const probe = probing.during('dst_a', async (has) => {
    await opening.passed;
    has(3);
    await asking.passed;
  });
  expect([hasLetGo(1), hasLetGo(3), probing.hasLetGoBefore({ id: 'dst_b', version: 3 })]).toEqual([false, false, true]);
  opening.open();
  await expect.poll(() => [hasLetGo(3), hasLetGo(4)]).toEqual([true, false]);
  asking.open();
  await probe;
  expect(hasLetGo(4)).toBe(true);
});
