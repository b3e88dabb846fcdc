/** What tests started and have not stopped yet, by name. */
const running = new Map<() => Promise<void>, string>();

/** Notes something that a test must stop; returns a `stop` that takes it off the list, and does its work once. */
export function track(name: string, stop: () => Promise<void>): () => Promise<void> {
  let stopping: Promise<void> | undefined;
  const tracked = () => {
    stopping ??= stop().finally(() => running.delete(tracked));
    return stopping;
  };
  running.set(tracked, name);
  return tracked;
}

/** Stops what is left and returns its names. */
export async function stopLeftovers(): Promise<string[]> {
  const names = [...running.values()];
  await Promise.allSettled([...running.keys()].map((stop) => stop()));
  return names;
}
