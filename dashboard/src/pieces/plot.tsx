import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef, useState } from 'react';
import UPlot from 'uplot';
import { number } from './format.ts';
import { Table } from './table.tsx';
import { absoluteTime } from './time.tsx';

/** `look`: which of the colours of style/tokens.css it has. */
export type Line = { name: string; look: 1 | 2 | 3 | 4 | 5; values: readonly (number | null)[] };
type PlotProps = { label: string; at: readonly string[]; lines: readonly Line[] };

const heightPx = 190;
const dayMs = 86_400_000;

/** Lines over time. What they show can be read as a table, too. */
export function Plot({ label, at, lines }: PlotProps) {
  const frame = useRef<HTMLDivElement>(null);
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });
  const data = useRef<UPlot.AlignedData>([[]]);
  const plot = useRef<UPlot>(null);
  data.current = [at.map((time) => Date.parse(time) / 1_000), ...lines.map(({ values }) => [...values])];
  const names = lines.map(({ name, look }) => `${look}${name}`).join();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `scheme` says which colours the styles have now; `names`, which lines there are.
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const made = new UPlot(optionsOf(element, lines), data.current, element);
    plot.current = made;
    const seen = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: heightPx }));
    seen.observe(element);
    return () => {
      seen.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [scheme, names]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: they are what `data` was made of.
  useEffect(() => plot.current?.setData(data.current), [at, lines]);

  return (
    <div>
      <ul className="plot-legend" aria-label={`Lines of ${label}`}>
        {lines.map(({ name, look, values }) => (
          <li key={name}>
            <i className={`series-${look}`} aria-hidden="true" />
            {name}: <strong>{number(lastOf(values))}</strong>
          </li>
        ))}
      </ul>
      <div ref={frame} className="plot" role="img" aria-label={`${label}, over time; the numbers follow as a table`} />
      <Numbers label={label} at={at} lines={lines} />
    </div>
  );
}

const lastOf = (values: readonly (number | null)[]): number => values.findLast((value) => value !== null) ?? 0;

function Numbers({ label, at, lines }: PlotProps) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details className="small" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Show the numbers</summary>
      {isOpen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: so that a keyboard can scroll it.
        <section className="scroll" aria-label={`${label}: the numbers`} tabIndex={0}>
          <Table
            caption={label}
            rows={at.map((time, n) => ({ time, n })).reverse()}
            keyOf={({ time }) => time}
            columns={[
              { name: 'Time', isHead: true, cell: ({ time }) => absoluteTime(Date.parse(time)) },
              ...lines.map(({ name, values }) => ({
                name,
                right: true,
                cell: ({ n }: { n: number }) => (values[n] === null ? '–' : number(values[n] ?? 0)),
              })),
            ]}
          />
        </section>
      )}
    </details>
  );
}

const hours = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

function optionsOf(element: HTMLElement, lines: readonly Line[]): UPlot.Options {
  const styles = getComputedStyle(element);
  const colour = (name: string): string => styles.getPropertyValue(name);
  const axis = {
    stroke: colour('--ink-2'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { stroke: colour('--line'), width: 1 },
  };
  const times = (_: UPlot, splits: number[]): string[] => {
    const isLong = ((splits.at(-1) ?? 0) - (splits[0] ?? 0)) * 1_000 > 2 * dayMs;
    return splits.map((second) => (isLong ? days : hours).format(second * 1_000));
  };
  return {
    width: element.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { y: false },
    scales: { y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      { ...axis, values: times },
      {
        ...axis,
        size: 56,
        values: (_u, splits) => splits.map((value) => (Number.isInteger(value) ? number(value) : '')),
      },
    ],
    series: [
      {},
      ...lines.map(({ name, look }) => ({
        label: name,
        stroke: colour(`--series-${look}`),
        width: 2,
        // Without them a value between two gaps would not be seen.
        points: { size: 5 },
      })),
    ],
  };
}
