import type { Account } from './account.ts';

/** What a result tells of the harm that its fault did. */
export type Harm = Pick<Account, 'duplicated' | 'longestStallMs' | 'rounds'> & {
  parked: number;
  answers: Record<string, number>;
};

/** What is missing of a fault's effect, in words; undefined where it is seen. A fault that did no harm proves nothing. */
export type Effect = (harm: Harm) => string | undefined;

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** Each time some lane stood still so long. */
export const stallsEachTime =
  (atLeastMs: number): Effect =>
  ({ rounds }) => {
    const unharmed = rounds.flatMap(({ stallMs }, n) =>
      stallMs < atLeastMs ? [`${n + 1} (${seconds(stallMs)})`] : [],
    );
    return unharmed.length === 0
      ? undefined
      : `no lane stood still for ${seconds(atLeastMs)} in round ${unharmed.join(', ')}`;
  };

/** Some lane stood still so long at least once: not each time has what is harmed something to do. */
export const stallsOnce =
  (atLeastMs: number): Effect =>
  ({ rounds }) =>
    rounds.some(({ stallMs }) => stallMs >= atLeastMs)
      ? undefined
      : `no lane ever stood still for ${seconds(atLeastMs)}`;

/** Some POST was answered so. */
export const answersWith =
  (beginning: string): Effect =>
  ({ answers }) =>
    Object.keys(answers).some((name) => name.startsWith(beginning))
      ? undefined
      : `no POST had "${beginning}" for an answer`;

export const writesTwice: Effect = ({ duplicated }) => (duplicated > 0 ? undefined : 'no record was written twice');

export const parks =
  (count: number): Effect =>
  ({ parked }) =>
    parked === count ? undefined : `${parked} records were parked in place of ${count}`;
