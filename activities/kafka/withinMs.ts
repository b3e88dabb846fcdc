/** What `work` resolves to, or rejects with what `late` makes after so many ms. The work itself goes on. */
export function withinMs<T>(timeoutMs: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), timeoutMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
