import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { type BatchResult, batchAnswer } from '../../api/batchAnswer.ts';
import { answerProblem, problemOf } from '../../api/problem.ts';
import { CausewayError } from '../../domain/error.ts';

const stored: BatchResult = { status: 202, id: 'evt_1', deliveries: [] };
const refused = (code: string): BatchResult => problemOf(new CausewayError(code, 'Why.'));
const invalid = refused('validation_failed');

async function answerTo(...results: BatchResult[]) {
  const app = new Hono().get('/', (c) => batchAnswer(c, results)).onError((error, c) => answerProblem(c, error));
  const answer = await app.request('/');
  return { status: answer.status, retryAfter: answer.headers.get('retry-after'), body: await answer.json() };
}

describe('a batch', () => {
  test.each<[string, BatchResult[], number, string | null]>([
    ['of which every event is stored is answered 202', [stored, stored], 202, null],
    ['of which no event ever will be is answered 422', [invalid, invalid], 422, null],
    ['of which some are stored is answered 207', [stored, invalid], 207, null],
    ['with events to send again says when', [stored, refused('lane_full')], 207, '1'],
    [
      'with none stored, and some to send again, is not answered as one that is wrong',
      [invalid, refused('lane_full')],
      207,
      '1',
    ],
    [
      'with several causes to wait for waits for the longest',
      [invalid, refused('lane_full'), refused('store_unreachable')],
      207,
      '2',
    ],
  ])('%s', async (_, results, status, retryAfter) => {
    const answer = await answerTo(...results);
    expect(answer).toMatchObject({ status, retryAfter, body: { results } });
  });

  test('that met an error of ours is not answered as one that is wrong, for it may be stored', async () => {
    const ours = refused('store_failed');
    expect(await answerTo(ours, ours)).toMatchObject({ status: 500, body: { code: 'internal_error' } });
    expect(await answerTo(invalid, ours)).toMatchObject({ status: 207, retryAfter: '1' });
  });

  test('that met nothing but overload is answered as a single event is', async () => {
    const answer = await answerTo(refused('lane_full'), refused('overloaded'));
    expect(answer).toEqual({ status: 503, retryAfter: '1', body: refused('lane_full') });
  });

  test('of which each event is stored for a part of its destinations still says so for each', async () => {
    const results = [refused('partly_stored'), refused('partly_stored')];
    expect(await answerTo(...results)).toEqual({
      status: 207,
      retryAfter: '1',
      body: { accepted: 0, refused: 2, results },
    });
  });
});
