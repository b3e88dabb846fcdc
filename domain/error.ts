/** An error with a code for programs, a remedy for people and, as `cause`, what led to it. */
export class CausewayError extends Error {
  override readonly name: string = 'CausewayError';

  constructor(
    readonly code: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${remedy}`, options);
  }
}
