import { randomUUID } from 'node:crypto';
import { userInfo } from 'node:os';
import { InvalidArgumentError, Option } from 'commander';
import { requestKeyExpected, requestKeyForm } from '../domain/requestKey.ts';
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

export const onceOption = (): Option =>
  new Option('--once <key>', 'do it once, however often this is run with that key within a day').argParser((given) => {
    if (requestKeyForm.test(given)) return given;
    throw new InvalidArgumentError(`Give ${requestKeyExpected}.`);
  });

/** Sends a request that has this key, or one of its own; where it is not clear whether it was followed, says how to complete it. */
export async function onceOnly<Answer>(
  given: string | undefined,
  send: (once: string) => Promise<Answer>,
): Promise<Answer> {
  const once = given ?? onceKey();
  try {
    return await send(once);
  } catch (error) {
    const isUnclear = error instanceof CliFailure && (error.exit === 'unreachable' || error.code === 'stopped');
    if (!isUnclear) throw error;
    const remedy = `Some of it may be done: the same command with --once ${once} completes it, and does nothing twice.`;
    throw new CliFailure(error.exit, error.code, `${error.message} ${remedy}`, { cause: error });
  }
}

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
