import { main } from '../../cli/main.ts';
import type { TestApi } from './api.ts';

export type Ran = { code: number; out: string; err: string };
export type RunOptions = {
  env?: Record<string, string | undefined>;
  /** Where `.causeway/stack.json` is looked for. */
  cwd?: string;
  /** Whether a progress bar is seen. */
  isTerminal?: boolean;
  /** What a person answers to a question; undefined: there is none. */
  answer?: string;
  /** Ctrl-C. */
  stop?: AbortSignal;
  /** Hears what goes to stdout, as it comes. */
  hear?: (text: string) => void;
};

/** Runs `causeway` in this process, as on another machine: it knows an address and a key. */
export async function causeway(
  api: Pick<TestApi, 'url' | 'key'>,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const ran = { out: '', err: '' };
  const code = await main(args, {
    out: (text) => {
      ran.out += text;
      options.hear?.(text);
    },
    err: (text) => {
      ran.err += text;
    },
    ask: async () => options.answer,
    env: { CAUSEWAY_API: api.url, CAUSEWAY_API_KEY: api.key, ...options.env },
    cwd: options.cwd ?? '/nowhere',
    isTerminal: options.isTerminal ?? false,
    stop: options.stop ?? new AbortController().signal,
  });
  return { code, ...ran };
}
