import { useState } from 'react';
import type { Paged } from '../../api/paged.ts';
import type { DeadLetter } from '../../api/types.ts';
import { type Chosen, letterKey, stillThere } from './chosen.ts';

/** The dead letters that are chosen, on any page of the list. */
export function useSelection({ rows, page, query }: Paged<DeadLetter>) {
  const [chosen, setChosen] = useState<Chosen>(new Map());
  const shown = rows ?? [];
  const left = rows === undefined || query.isPlaceholderData ? chosen : stillThere(chosen, rows, page);
  if (left !== chosen) setChosen(left);
  const choose = (letters: readonly DeadLetter[], isChosen: boolean) =>
    setChosen((before) => {
      const after = new Map(before);
      for (const letter of letters) {
        if (isChosen) after.set(letterKey(letter), { letter, page });
        else after.delete(letterKey(letter));
      }
      return after;
    });
  return {
    letters: [...left.values()].map(({ letter }) => letter),
    has: (letter: DeadLetter): boolean => left.has(letterKey(letter)),
    hasAll: shown.length > 0 && shown.every((letter) => left.has(letterKey(letter))),
    hasSome: shown.some((letter) => left.has(letterKey(letter))),
    choose,
    clear: () => setChosen(new Map()),
  };
}
export type Selection = ReturnType<typeof useSelection>;
