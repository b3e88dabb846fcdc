import { Hono } from 'hono';
import { expect, test } from 'vitest';
import { answerProblem } from '../../api/problem.ts';
import { SignInLimit } from '../../api/signInLimit.ts';
import { CausewayError } from '../../domain/error.ts';

test('one key signs in twenty times in a minute, and is then told when it may again; another one is not held up', async () => {
  const limit = new SignInLimit();
  const app = new Hono().get('/:key', async (c) => {
    await limit.guarded(c, '192.0.2.1', () => limit.counted(c, Buffer.from(c.req.param('key'))));
    return c.body(null, 204);
  });
  app.onError((error, c) => answerProblem(c, error));
  for (let n = 0; n < 20; n++) expect((await app.request('/one')).status).toBe(204);
  for (let n = 0; n < 20; n++) {
    const refused = await app.request('/one');
    expect([refused.status, await refused.json()]).toEqual([
      429,
      expect.objectContaining({ code: 'too_many_sign_ins', detail: expect.stringContaining('This key or link') }),
    ]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  }
  expect((await app.request('/another')).status).toBe(204);
});

test('ten failures in a minute from one address, and it is held up; another one is not', async () => {
  const limit = new SignInLimit();
  const app = new Hono().get('/:from', async (c) =>
    limit.guarded(c, c.req.param('from'), async () => {
      throw new CausewayError('unauthenticated', 'Unknown.');
    }),
  );
  app.onError((error, c) => answerProblem(c, error));
  for (let n = 0; n < 10; n++) expect((await app.request('/192.0.2.1')).status).toBe(401);
  expect((await app.request('/192.0.2.1')).status).toBe(429);
  expect((await app.request('/192.0.2.2')).status).toBe(401);
});
