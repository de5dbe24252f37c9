/** The results as Markdown. All of it comes from what was recorded, so the page can be made again without measuring. */

import { shortSize } from "../../../../scripts/lib/log.ts";
import type { Aim, Result, Row } from "../bench.ts";
import type { Plot } from "./plot.ts";

/** What results.json holds. */
export interface Results {
  machine: string;
  /** Of each program, by name. */
  versions: Record<string, string>;
  /** By the group's name. */
  groups: Record<string, { date: string; results: Result[]; plots: Record<string, Plot> }>;
}

/** Headings of the groups, in the order of the page. */
const HEADINGS: Readonly<Record<string, string>> = {
  preflight: "Preflight",
  sums: "Checksums",
  fetch: "Fetch",
  startup: "Start-up",
  build: "Build",
  boot: "Boot",
  publish: "Publication",
  package: "Packages",
  growth: "Growth",
};
/** Groups that are shown as plots, with one table of all their figures. */
const PLOTTED = new Set(["growth"]);

/** Seconds as people read them: 0.1834 → "183 ms". */
export const time = (seconds: number): string =>
  seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms` : `${seconds.toFixed(2)} s`;
const memory = (bytes: number | undefined): string => (bytes === undefined ? "" : shortSize(bytes));
const ratio = (value: number): string => value.toFixed(2);

/** The own row that the others are compared with. */
const reference = (rows: readonly Row[]): number | undefined =>
  rows.find((row) => row.ours && row.median !== undefined)?.median;

/** Tools that take less time than ours. */
export const faster = ({ rows }: Result): Row[] => {
  const own = reference(rows);
  return rows.filter(
    ({ ours, floor, median }) => !ours && !floor && own !== undefined && median !== undefined && own / median > 1.05,
  );
};

/** @param own what the row is compared with; undefined: nothing, and there is no such column */
function line(row: Row, own: number | undefined, isFaster: boolean): string {
  const { median, least = 0, most = 0, cpu } = row;
  const compared = median === undefined || own === undefined ? "" : ratio(own / median);
  const cells =
    median === undefined
      ? [row.missing ?? "", "", "", ""]
      : [time(median), `${time(least)} to ${time(most)}`, cpu === undefined ? "" : time(cpu), memory(row.memory)];
  return tableLine([
    row.name,
    ...cells,
    ...(own === undefined ? [] : [isFaster ? `${compared}, it is faster` : compared]),
  ]);
}

const tableLine = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

/** Whether an aim is met, as a sentence; undefined when one of the figures is missing. */
export function verdict(aim: Aim, rows: readonly Row[]): string | undefined {
  const median = (name: string | undefined): number | undefined => rows.find((row) => row.name === name)?.median;
  const own = median(aim.entrant);
  const other = aim.against === undefined ? 0 : median(aim.against);
  if (own === undefined || other === undefined) return undefined;
  const words = (met: boolean, demand: string, is: string): string =>
    `Aim: ${aim.entrant} takes at most ${demand}. It takes ${is}: ${met ? "met" : "**missed**"}.`;
  if (aim.times !== undefined)
    return words(
      own <= aim.times * other,
      `${aim.times} times what ${aim.against} takes`,
      `${ratio(own / other)} times`,
    );
  if (aim.above !== undefined)
    return words(own - other <= aim.above, `${time(aim.above)} more than ${aim.against}`, `${time(own - other)} more`);
  return words(own <= (aim.seconds ?? 0), time(aim.seconds ?? 0), time(own));
}

function table(result: Result): string[] {
  const { title, runs, rows, notes } = result;
  const first = rows.find(({ ours, median }) => ours && median !== undefined);
  // Own commands of different purposes are not compared with each other.
  const own = rows.some(({ ours }) => !ours) ? first : undefined;
  const ahead = new Set(faster(result));
  const head = [
    `${runs} runs each`,
    "median",
    "fastest to slowest",
    "processor",
    "memory",
    ...(own ? [`${own.name} ÷ it`] : []),
  ];
  const aims = result.aims.flatMap((aim) => verdict(aim, rows) ?? []);
  return [
    `### ${title}`,
    "",
    tableLine(head),
    `|${head.map(() => "---|").join("")}`,
    ...rows.map((row) => line(row, own?.median, ahead.has(row))),
    "",
    ...[...aims, ...notes].flatMap((text) => [text, ""]),
  ];
}

/** One table of all the results of a group: a line for each, a column for each entrant. */
function matrix(results: readonly Result[]): string[] {
  const names = [...new Set(results.flatMap(({ rows }) => rows.map(({ name }) => name)))];
  const cell = (row: Row | undefined): string =>
    row?.median === undefined ? "" : `${time(row.median)}, ${memory(row.memory)}`;
  return [
    `| median and memory | ${names.join(" | ")} |`,
    `|---|${names.map(() => "---|").join("")}`,
    ...results.map(
      ({ title, rows }) =>
        `| ${title} | ${names.map((name) => cell(rows.find((row) => row.name === name))).join(" | ")} |`,
    ),
    "",
  ];
}

function section(name: string, { date, results, plots }: Results["groups"][string]): string[] {
  const isPlotted = PLOTTED.has(name);
  return [
    `## ${HEADINGS[name] ?? name}`,
    "",
    `Measured on ${date}.`,
    "",
    ...Object.entries(plots).flatMap(([file, plot]) => [`![${plot.description}](${file})`, ""]),
    ...(isPlotted ? runsOf(results).flatMap(matrix) : results.flatMap(table)),
  ];
}

/** Results that have the same entrants, together. */
function runsOf(results: readonly Result[]): Result[][] {
  const key = ({ rows }: Result): string => rows.map(({ name }) => name).join("\n");
  return [...new Set(results.map(key))].map((names) => results.filter((result) => key(result) === names));
}

/** The whole page. */
export function page({ machine, versions, groups }: Results): string {
  const known = Object.keys(HEADINGS).filter((name) => groups[name] !== undefined);
  return [
    "# Bench",
    "",
    "What this project's commands take beside what people use for the same today. `make bench` measures all of it again and writes this page;",
    "`ci/dev/bench.ts preflight sums` measures groups of it.",
    "",
    "Each table is one run of hyperfine. The last column divides the time of this project's first line by that of the other: below 1 this project is faster, above 1 the other is,",
    "and below the table stands why. Processor is the time on all cores, memory the peak of the largest process.",
    "",
    `Machine: ${machine}.`,
    "",
    `Versions: ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    ...known.flatMap((name) => section(name, groups[name] ?? { date: "", results: [], plots: {} })),
  ]
    .join("\n")
    .replace(/\n+$/, "\n");
}
