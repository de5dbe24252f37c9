/** Line plots as self-contained SVG: logarithmic axes, light and dark by the reader's own setting, no script, no font. */

export interface Series {
  name: string;
  /** Whether it is a measurement of this project's own, drawn as a strong line. */
  ours?: boolean;
  points: readonly { x: number; y: number }[];
}
/** One pair of axes. Both are logarithmic; values have to be above 0. */
export interface Panel {
  title: string;
  /** Ticks of the y axis: value and label. Those that enclose the data are shown. */
  ticks: readonly Tick[];
  series: readonly Series[];
}
export type Tick = readonly [value: number, label: string];

export interface Plot {
  title: string;
  /** What it shows, in a sentence or two, for those who do not see it. */
  description: string;
  xLabel: string;
  xTicks: readonly Tick[];
  panels: readonly Panel[];
}

const WIDTH = 960;
const PANEL = { width: 360, height: 260, top: 84, left: 72, gap: 480 };
/** Colours that people with a colour deficiency can tell apart (Okabe and Ito 2008), darker on light ground. */
const LIGHT = ["#0060a8", "#b34a00", "#00734f", "#96306f", "#7a6400", "#3b3b3b"];
const DARK = ["#6cc0f5", "#ff9a4d", "#4fd3a5", "#f09ac6", "#e8d24a", "#c9c9c9"];
const DASHES = ["", "7 4", "2 4", "10 3 2 3", "4 4", "1 3"];

const escaped = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const round = (value: number): string => String(Math.round(value * 10) / 10);

/** A position on a logarithmic axis. */
const scale =
  (from: number, to: number, start: number, end: number) =>
  (value: number): number =>
    start + ((Math.log(value) - Math.log(from)) / (Math.log(to) - Math.log(from))) * (end - start);

/** The ticks that the values lie between, and those in between. */
export function enclosing(ticks: readonly Tick[], values: readonly number[]): readonly Tick[] {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const first = ticks.findLastIndex(([value]) => value <= least);
  const last = ticks.findIndex(([value]) => value >= most);
  return ticks.slice(Math.max(first, 0), last < 0 ? ticks.length : last + 1);
}

function drawPanel(panel: Panel, plot: Plot, names: readonly string[], left: number): string[] {
  const bottom = PANEL.top + PANEL.height;
  const right = left + PANEL.width;
  const ticks = enclosing(
    panel.ticks,
    panel.series.flatMap(({ points }) => points.map(({ y }) => y)),
  );
  const x = scale(plot.xTicks[0]?.[0] ?? 1, plot.xTicks.at(-1)?.[0] ?? 10, left, right);
  const y = scale(ticks[0]?.[0] ?? 1, ticks.at(-1)?.[0] ?? 10, bottom, PANEL.top);
  const text = (at: [number, number], content: string, kind: string): string =>
    `<text x="${round(at[0])}" y="${round(at[1])}" class="${kind}">${escaped(content)}</text>`;
  return [
    text([left, PANEL.top - 16], panel.title, "axis"),
    ...ticks.flatMap(([value, label]) => [
      `<path class="grid" d="M${left} ${round(y(value))}H${right}"/>`,
      text([left - 8, y(value) + 4], label, "end"),
    ]),
    ...plot.xTicks.flatMap(([value, label]) => [
      `<path class="grid" d="M${round(x(value))} ${PANEL.top}V${bottom}"/>`,
      text([x(value), bottom + 18], label, "middle"),
    ]),
    text([(left + right) / 2, bottom + 40], plot.xLabel, "middle"),
    ...panel.series.flatMap(({ name, ours, points }) => {
      const index = names.indexOf(name);
      const path = points.map((point, i) => `${i === 0 ? "M" : "L"}${round(x(point.x))} ${round(y(point.y))}`).join("");
      return [
        `<path class="line c${index}${ours ? " ours" : ""}" stroke-dasharray="${DASHES[index] ?? ""}" d="${path}"/>`,
        ...points.map(
          (point) =>
            `<circle class="c${index}" cx="${round(x(point.x))}" cy="${round(y(point.y))}" r="${ours ? 3.5 : 2.5}"/>`,
        ),
      ];
    }),
  ];
}

/** The plot as SVG: its panels beside each other, one legend for all. */
export function svg(plot: Plot): string {
  const names = [...new Set(plot.panels.flatMap(({ series }) => series.map(({ name }) => name)))];
  const own = new Set(plot.panels.flatMap(({ series }) => series.flatMap(({ name, ours }) => (ours ? [name] : []))));
  const legendTop = PANEL.top + PANEL.height + 72;
  const height = legendTop + Math.ceil(names.length / 2) * 22;
  const colours = (list: readonly string[]): string =>
    names
      .map(
        (_, index) => `path.c${index}{stroke:${list[index] ?? "gray"}}circle.c${index}{fill:${list[index] ?? "gray"}}`,
      )
      .join("");
  const legend = names.flatMap((name, index) => {
    const [left, top] = [PANEL.left + (index % 2) * PANEL.gap, legendTop + Math.floor(index / 2) * 22];
    return [
      `<path class="line c${index}${own.has(name) ? " ours" : ""}" stroke-dasharray="${DASHES[index] ?? ""}" d="M${left} ${top}H${left + 44}"/>`,
      `<text x="${left + 54}" y="${top + 4}">${escaped(name)}</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escaped(plot.title)}</title>`,
    `<desc id="description">${escaped(plot.description)}</desc>`,
    "<style>",
    "svg{background:#fff;font:13px system-ui,sans-serif}text{fill:#24292f}",
    ".heading{font-size:17px;font-weight:600}.axis{font-weight:600}.middle{text-anchor:middle}.end{text-anchor:end}",
    ".grid{stroke:#d8dee4}.line{fill:none;stroke-width:1.75}.line.ours{stroke-width:3}",
    colours(LIGHT),
    "@media(prefers-color-scheme:dark){svg{background:#0d1117}text{fill:#e6edf3}.grid{stroke:#30363d}",
    `${colours(DARK)}}`,
    "</style>",
    `<text x="24" y="34" class="heading">${escaped(plot.title)}</text>`,
    ...plot.panels.flatMap((panel, index) => drawPanel(panel, plot, names, PANEL.left + index * PANEL.gap)),
    ...legend,
    "</svg>",
    "",
  ].join("\n");
}
