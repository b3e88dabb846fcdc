/** Replays as `/v1/replays` begins and shows them. */
import type { Replay } from '../../api/schemas/replays.ts';
import type { TestApi } from './api.ts';
import { until } from './until.ts';

/** The replay that the API has begun; throws unless it answers 202. */
export async function beginReplay(api: TestApi, body: unknown, headers?: Record<string, string>): Promise<Replay> {
  const { status, text, body: begun } = await api.request('POST', '/v1/replays', body, headers);
  if (status !== 202) throw new Error(`POST /v1/replays answered ${status}: ${text}`);
  return begun as Replay; // What a 202 holds.
}

export const untilReplay = (
  what: string,
  api: TestApi,
  { id }: Pick<Replay, 'id'>,
  is: (replay: Replay) => boolean,
  timeoutMs?: number,
): Promise<Replay> => until(what, async () => (await api.get(`/v1/replays/${id}`)).body as Replay, is, timeoutMs);

/** The replay once it is over. */
export const replayed = (api: TestApi, replay: Pick<Replay, 'id'>, timeoutMs = 60_000): Promise<Replay> =>
  untilReplay('the replay is over', api, replay, ({ status }) => status !== 'running', timeoutMs);

/** Cancels it, or lets it go on; throws unless the API takes that. */
export async function tell(api: TestApi, { id }: Pick<Replay, 'id'>, what: 'cancel' | 'continue'): Promise<void> {
  const { status, text } = await api.request('POST', `/v1/replays/${id}/${what}`);
  if (status !== 202) throw new Error(`The replay's ${what} was answered with ${status}: ${text}`);
}
