/** The machine's monotonic clock, in ms: the same for every process here, so that latencies between them can be taken. */
export function nowMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1e6;
}
