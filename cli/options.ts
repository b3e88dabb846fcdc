import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';
import { CliFailure } from './failure.ts';

export const jsonOption = (): Option => new Option('--json', "the API's own answer, for scripts");

export const limitOption = (what: string, fallback: number): Option =>
  new Option('--limit <n>', `at most so many ${what}`).default(fallback).argParser((given) => {
    const n = Number(given);
    if (Number.isInteger(n) && n >= 1 && n <= 100_000) return n;
    throw new InvalidArgumentError('Give a whole number from 1 to 100000.');
  });

export const reasonOption = (): Option => new Option('--reason <text>', "why, for the lane's history");
export const byOption = (): Option => new Option('--by <name>', 'who asks for it').default(userName(), 'you');
export const laneOption = (what: string): Option => new Option('--lane <lane>', what);

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined; // A container may run as a user without a name.
  }
}

export type NoteOptions = { reason?: string; by?: string };
export const noteOf = ({ reason, by }: NoteOptions) => ({
  ...(reason !== undefined && { reason }),
  ...(by !== undefined && { by }),
});

/** A command is one request, however often it has to be sent. */
export const onceKey = (): string => randomUUID();

/** The id as part of a path. Throws where it can be none: `causeway lanes evt_…` is a slip. */
export function destinationPath(id: string): string {
  if (/^dst_[\w-]+$/.test(id)) return `/v1/destinations/${id}`;
  throw new CliFailure(
    'usage',
    'argument_invalid',
    `"${id}" is no destination's id: dst_… as \`causeway destinations list\` shows it.`,
  );
}

export const checkedEventId = (id: string): string => {
  if (/^evt_[A-Za-z0-9_-]{22}$/.test(id)) return id;
  throw new CliFailure(
    'usage',
    'argument_invalid',
    `"${id}" is no event's id: evt_ and 22 characters, as its 202 had it.`,
  );
};
