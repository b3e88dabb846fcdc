const signOfLifeEveryMs = 10_000;

/** One line of progress. On stderr, so that a command's stdout stays its answer. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a step that may take minutes: says what it is, every ten seconds that it is still at it, and how long it took.
 * `usually` is what a person waiting wants to know ("about 3 minutes, once").
 */
export async function longStep<T>(what: string, usually: string, work: () => Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const seconds = () => Math.round((performance.now() - startedAt) / 1000);
  say(`${what} (${usually}) …`);
  const timer = setInterval(() => say(`  … still at it: ${what}, ${seconds()} s`), signOfLifeEveryMs);
  try {
    const result = await work();
    say(`  done in ${seconds()} s: ${what}`);
    return result;
  } finally {
    clearInterval(timer);
  }
}
