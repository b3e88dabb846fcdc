import type { Call, Methods, Reply } from './child.ts';

/** Answers the calls of the process that started us, and ends when it does. */
export function serve<M extends Methods>(methods: M): void {
  const reply = (answer: Reply) => void process.send?.(answer);
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C in a terminal reaches us too; who started us stops us when all is in order.
  process.on('SIGINT', () => {});
  process.on('message', ({ id, method, argument }: Call) => {
    const call = methods[method];
    if (!call) return reply({ id, error: `there is no method ${method}` });
    // The caller's types come from the same methods.
    call(argument as never).then(
      (result) => reply({ id, result }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
}
