/** What the benches that are programs of their own share. */

/** The numbers that these arguments are; undefined where one is none, or there are more than so many. */
export function countsIn(given: readonly string[], most: number): number[] | undefined {
  const numbers = given.map(Number);
  const areCounts = numbers.every((number) => Number.isSafeInteger(number) && number > 0);
  return areCounts && numbers.length <= most ? numbers : undefined;
}

/** Ends the process with what the program answers, or with 1 and its error. */
export function runToEnd(program: () => Promise<number>): void {
  program().then(
    (code) => process.exit(code),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}
