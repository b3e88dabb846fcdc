import type { Replay } from '../../api/types.ts';

/** What is said of what a replay does, for some give dead letters up in place of sending them again. */
type Words = { name: string; deed: string; done: string };

export const deeds: Readonly<Record<Replay['action'], Words>> = {
  replay: { name: 'Replay', deed: 'replay', done: 'sent' },
  discard: { name: 'Discard', deed: 'discard', done: 'discarded' },
};
