import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EChartsOption, init, type SeriesOption } from 'echarts';
import { type Figure, isMet, type Series } from './row.ts';
import type { RowResult, StoredRow } from './stored.ts';

const plotsDir = fileURLToPath(new URL('../plots', import.meta.url));
const width = 900;
const titleHeight = 70;
const figureHeight = 54;
const panelHeight = 190;
const gap = 60;

const colours = { met: '#2e8b57', missed: '#c0392b', before: '#b0b8c0', wanted: '#222222' };

type Panels = Required<Pick<EChartsOption, 'grid' | 'xAxis' | 'yAxis' | 'series' | 'title'>> & { height: number };

const targetOf = ({ target }: Figure): number | undefined =>
  target === undefined ? undefined : 'atLeast' in target ? target.atLeast : target.atMost;

/** A figure that has a target as a bar of its own scale, with the last stored one and what is wanted. */
function figurePanels(result: RowResult, last: StoredRow | undefined) {
  const before = new Map(last?.figures.map(({ name, value }) => [name, value]));
  const figures = result.figures.filter((figure) => targetOf(figure) !== undefined && Number.isFinite(figure.value));
  return figures.map((figure, n) => {
    const top = titleHeight + n * figureHeight + 18;
    const known = before.get(figure.name);
    const wanted = targetOf(figure) ?? 0;
    const colour = isMet(figure) ? colours.met : colours.missed;
    const sign = figure.target && 'atLeast' in figure.target ? '≥' : '≤';
    const text = `${figure.name}: ${Number(figure.value.toPrecision(4))} ${figure.unit} (wanted ${sign} ${wanted})`;
    return {
      grid: { top, height: 22, left: 20, right: 20 },
      title: { text, top: top - 20, left: 20, textStyle: { fontSize: 12, fontWeight: 'normal' as const } },
      xAxis: { gridIndex: n, min: 0, max: Math.max(figure.value, wanted, known ?? 0, 1e-9) * 1.05, show: false },
      yAxis: { gridIndex: n, type: 'category' as const, data: [''], show: false },
      series: [
        {
          ...{ type: 'bar' as const, xAxisIndex: n, yAxisIndex: n, data: [figure.value], itemStyle: { color: colour } },
          markLine: {
            ...{ symbol: 'none', silent: true, label: { show: false }, data: [{ xAxis: wanted }] },
            lineStyle: { color: colours.wanted, type: 'dashed' as const },
          },
        },
        ...(typeof known === 'number'
          ? [
              {
                type: 'bar' as const,
                xAxisIndex: n,
                yAxisIndex: n,
                data: [known],
                itemStyle: { color: colours.before },
              },
            ]
          : []),
      ],
    };
  });
}

/** A line over time for each unit, with all series of it. */
function seriesPanels(all: readonly Series[], from: number, topFrom: number) {
  const units = [...new Set(all.map(({ unit }) => unit))];
  return units.map((unit, n) => {
    const at = from + n;
    const top = topFrom + n * (panelHeight + gap) + 30;
    const own = all.filter((series) => series.unit === unit);
    return {
      grid: { top, height: panelHeight - 30, left: 70, right: 20 },
      title: {
        ...{ text: `${own.map(({ name }) => name).join(', ')} (${unit})`, top: top - 28, left: 20 },
        textStyle: { fontSize: 12, fontWeight: 'normal' as const },
      },
      xAxis: { gridIndex: at, type: 'value' as const, name: 's', nameLocation: 'end' as const },
      yAxis: { gridIndex: at, type: 'value' as const },
      series: own.map(({ name, points }) => ({
        ...{ type: 'line' as const, name, xAxisIndex: at, yAxisIndex: at, symbol: 'none', lineStyle: { width: 1 } },
        data: points.map(([atS, value]) => [Number(atS.toFixed(1)), Number(value.toPrecision(5))]),
      })),
    };
  });
}

function panelsOf(result: RowResult, last: StoredRow | undefined): Panels {
  const bars = figurePanels(result, last);
  const below = titleHeight + bars.length * figureHeight;
  const lines = seriesPanels(result.series ?? [], bars.length, below);
  const panels = [...bars, ...lines];
  const taken = `${result.run.startedAt}, commit ${result.run.commit}${last ? `; grey: ${last.run.startedAt}` : ''}`;
  return {
    title: [{ text: result.row, subtext: taken, left: 20, top: 6 }, ...panels.map(({ title }) => title)],
    grid: panels.map(({ grid }) => grid),
    xAxis: panels.map(({ xAxis }) => xAxis),
    yAxis: panels.map(({ yAxis }) => yAxis),
    series: panels.flatMap(({ series }): SeriesOption[] => series),
    height: below + lines.length * (panelHeight + gap) + 20,
  };
}

/** A row's figures that have a target, and its values over time, as the text of an SVG. */
export function plotOf(result: RowResult, last: StoredRow | undefined): string {
  const { height, ...panels } = panelsOf(result, last);
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({ animation: false, backgroundColor: '#ffffff', ...panels });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** Writes the plot of a row; returns its path below the repository. */
export async function writePlot(result: RowResult, last: StoredRow | undefined): Promise<string> {
  await mkdir(plotsDir, { recursive: true });
  const name = `${result.row}.svg`;
  await writeFile(join(plotsDir, name), `${plotOf(result, last)}\n`);
  return `bench/plots/${name}`;
}
