import { createInterface } from 'node:readline/promises';

/** What a command has of the world: a test gives its own. */
export type Io = {
  out(text: string): void;
  err(text: string): void;
  /** The next line that a person types; undefined where there is no person. */
  ask(question: string): Promise<string | undefined>;
  env: Readonly<Record<string, string | undefined>>;
  /** Where `.causeway/stack.json` is looked for. */
  cwd: string;
  /** Whether a person sees what goes to `err` at once: a line may then be written over. */
  isTerminal: boolean;
  /** Aborted by Ctrl-C. */
  stop: AbortSignal;
};

/** The process's own. The first Ctrl-C lets a command end in good order, the second one ends it. */
export function processIo(): Io {
  const stopping = new AbortController();
  process.once('SIGINT', () => stopping.abort());
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    ask: async (question) => {
      if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question, { signal: stopping.signal });
      } catch {
        return ''; // Ctrl-C is no answer.
      } finally {
        lines.close();
      }
    },
    env: process.env,
    cwd: process.cwd(),
    isTerminal: process.stderr.isTTY === true,
    stop: stopping.signal,
  };
}
