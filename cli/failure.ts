/** What the exit code of a command means; docs/cli.md has the table for scripts. */
export const exitCodes = { ok: 0, failure: 1, usage: 2, notFound: 3, unauthorised: 4, unreachable: 5 } as const;
export type Exit = keyof typeof exitCodes;

/** A command that can't do what it was asked: how the process ends, and what the person reads. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';

  constructor(
    readonly exit: Exit,
    /** For programs: the API's own code where it answered with one. */
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
