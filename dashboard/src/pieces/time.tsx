import { useEffect, useState } from 'react';

const absolute = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
});
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'long' });

const units = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
] as const;

/** For example "3 minutes ago" or "in 2 hours". */
export function relativeTime(at: number, nowMs: number): string {
  const seconds = Math.round((at - nowMs) / 1_000);
  if (Math.abs(seconds) < 5) return 'now';
  for (const [unit, length] of units) {
    if (Math.abs(seconds) >= length) return relative.format(Math.trunc(seconds / length), unit);
  }
  return relative.format(seconds, 'second');
}

/** In the reader's own time zone, which it names. */
export const absoluteTime = (at: number): string => absolute.format(at);

/** One clock for all that is shown. */
export function useNow(everyMs = 10_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

/** A time, relative and absolute, with its zone. */
export function Time({ at, inline = false }: { at: string | undefined; inline?: boolean }) {
  const now = useNow();
  if (at === undefined) return <span className="dim">never</span>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at}>
      <span className="nowrap">{relativeTime(ms, now)}</span>
      {inline ? ' · ' : <br />}
      <span className="dim small">{absoluteTime(ms)}</span>
    </time>
  );
}

/** For example "1.2 s" or "35 ms". */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
