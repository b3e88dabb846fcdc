import { expect, test } from 'vitest';
import { AccessTokens } from '../../activities/kafka/accessTokens.ts';

/** Tokens `t1`, `t2`, … of an endpoint that can be broken, at a time that the test sets. */
function tokensAt(lifeMs = 100_000) {
  const world = { nowMs: 0, asked: 0, isBroken: false };
  const fetch = async () => {
    world.asked++;
    if (world.isBroken) throw new Error('broken');
    return { value: `t${world.asked}`, lifeMs };
  };
  return { world, tokens: new AccessTokens(fetch, () => world.nowMs) };
}

test('many connections at once ask for one token', async () => {
  const { world, tokens } = tokensAt();
  const got = await Promise.all(Array.from({ length: 50 }, () => tokens.current()));
  expect([new Set(got), world.asked]).toEqual([new Set(['t1']), 1]);
});

test('a token is asked for anew when four fifths of its life are over, and not before', async () => {
  const { world, tokens } = tokensAt();
  await tokens.current();
  world.nowMs = 79_999;
  expect(await tokens.current()).toBe('t1');
  world.nowMs = 80_000;
  expect(await tokens.current()).toBe('t2');
});

test('one that holds for less than a minute is asked for anew earlier', async () => {
  for (const [lifeMs, renewedAtMs] of [
    [30_000, 20_000],
    [5_000, 2_500],
  ] as const) {
    const { world, tokens } = tokensAt(lifeMs);
    await tokens.current();
    world.nowMs = renewedAtMs - 1;
    expect(await tokens.current()).toBe('t1');
    world.nowMs = renewedAtMs;
    expect(await tokens.current()).toBe('t2');
  }
});

test('where none comes, the old one is used while it holds, and then the reason is told', async () => {
  const { world, tokens } = tokensAt();
  await tokens.current();
  world.isBroken = true;
  world.nowMs = 94_999;
  expect(await tokens.current()).toBe('t1');
  world.nowMs = 95_000; // In its last moments it may not reach the broker in time.
  await expect(tokens.current()).rejects.toThrow('broken');
  world.isBroken = false;
  expect(await tokens.current()).toBe('t4');
});

test('a token that a broker refused is not shown again; that an older one was refused says nothing', async () => {
  const { tokens } = tokensAt();
  expect(await tokens.current()).toBe('t1');
  tokens.refused('t1');
  expect(await tokens.current()).toBe('t2');
  tokens.refused('t1');
  expect(await tokens.current()).toBe('t2');
});
