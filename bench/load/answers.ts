import type { Answer } from './connection.ts';
import { type OutcomeCode, outcomes } from './sendLog.ts';

/** Refusals after which the event may be stored all the same. */
const unclearCodes = new Set(['temporal_unavailable', 'partly_stored', 'internal_error']);

const outcomeOf = (status: number, code: string): OutcomeCode => {
  if (status === 202) return outcomes.accepted;
  return status === 0 || (status >= 500 && unclearCodes.has(code)) ? outcomes.unclear : outcomes.refused;
};

type Problem = { status?: number; code?: string; results?: { status?: number; code?: string }[] };

function problemOf(text: string): Problem {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}

export type Judged = {
  /** One for each event of the POST. */
  outcomes: OutcomeCode[];
  /** What to count the answer as: `202`, `503 lane_full`, `no answer: …`. */
  name: string;
};

/** What an answer says of each of the POST's events. */
export function judged({ status, text }: Answer, events: number): Judged {
  if (status === 202) return { outcomes: Array<OutcomeCode>(events).fill(outcomes.accepted), name: '202' };
  if (status === 0) return { outcomes: Array<OutcomeCode>(events).fill(outcomes.unclear), name: `no answer: ${text}` };
  const problem = problemOf(text);
  const { results } = problem;
  if (results?.length === events) {
    const first = results.find((result) => result.status !== 202);
    return {
      outcomes: results.map((result) => outcomeOf(result.status ?? 0, result.code ?? '')),
      name: `${status} with ${first?.status} ${first?.code}`,
    };
  }
  const code = problem.code ?? '';
  return { outcomes: Array<OutcomeCode>(events).fill(outcomeOf(status, code)), name: `${status} ${code}`.trim() };
}
