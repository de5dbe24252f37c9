/** How time and memory grow with the size of a file and with the number of files. */
import * as fs from "node:fs";
import { join } from "node:path";
import { DEFAULT_TARGET, RELEASE_ASSETS } from "../../../../scripts/lib/contract.ts";
import { shortSize } from "../../../../scripts/lib/log.ts";
import type { Entrant, Result, Row } from "../bench.ts";
import { fetchSettings } from "./fetch.ts";
import { MIB, startWeb, writeElf, writeRelease } from "./fixtures.ts";
import { type Group, node, removal, sh } from "./groups.ts";
import type { Panel, Plot, Series, Tick } from "./plot.ts";

const SIZES = [1, 4, 16, 64, 256, 1024, 4096];
const COUNTS = [1, 10, 100, 1000];

const SECONDS: readonly Tick[] = [0.001, 0.01, 0.1, 1, 10, 100].map((value) => [
  value,
  value < 1 ? `${value * 1000} ms` : `${value} s`,
]);
const MEMORY: readonly Tick[] = [1, 4, 16, 64, 256, 1024].map((value) => [
  value * MIB,
  shortSize(value * MIB).replace(".0", ""),
]);

/** The rows of some results as the panels of a plot: one of medians, one of memory. */
export function panels(measured: readonly { x: number; rows: readonly Row[] }[]): Panel[] {
  const names = [...new Set(measured.flatMap(({ rows }) => rows.map(({ name }) => name)))];
  const series = (pick: (row: Row) => number | undefined): Series[] =>
    names.map((name) => {
      const found = measured.flatMap(({ x, rows }) =>
        rows.filter((row) => row.name === name).map((row) => ({ x, row })),
      );
      const points = found.flatMap(({ x, row }) => {
        const y = pick(row);
        return y === undefined ? [] : [{ x, y }];
      });
      return { name, points, ...(found.some(({ row }) => row.ours) ? { ours: true } : {}) };
    });
  return [
    {
      title: "time, median",
      ticks: SECONDS,
      series: series(({ median }) => median).filter(({ points }) => points.length > 0),
    },
    {
      title: "memory, peak of the largest process",
      ticks: MEMORY,
      series: series(({ memory }) => memory).filter(({ points }) => points.length > 0),
    },
  ];
}

const bySize: Group = async ({ folder, release, runs, measure }) => {
  const [small = "", large = ""] = RELEASE_ASSETS;
  const dist = join(folder, "dist");
  fs.mkdirSync(dist);
  fs.copyFileSync(join(release, small), join(dist, small));
  const path = join(dist, large);
  const releases = join(folder, "releases");
  for (const size of SIZES) writeRelease(releases, `v0.0.${size}`, size * MIB, "hole");
  const web = await startWeb(releases, join(folder, "web"));
  const measured: { x: number; rows: Row[]; result: Result }[] = [];
  try {
    for (const size of SIZES) {
      writeElf(path, size * MIB, "hole");
      const entrants: Entrant[] = [
        {
          name: "preflight",
          command: node("preflight.ts", "--target", DEFAULT_TARGET, path),
          ours: true,
        },
        { name: "sums", command: node("sums.ts"), ours: true },
        {
          name: "fetch-stage0",
          // What it leaves in DIST must not be there for sums.
          command: sh('export DIST="$1"; shift; exec "$@"', join(folder, "fetched"), ...node("fetch-stage0.ts")),
          prepare: removal(join(folder, "out"), join(folder, "cache"), join(folder, "fetched")),
          ours: true,
        },
        { name: "sha256sum", command: ["sha256sum", path] },
        {
          name: "file and readelf -hldSW",
          command: sh('file "$1" && readelf -hldSW "$1"', path),
          needs: ["file", "readelf"],
        },
      ];
      const result = await measure({
        title: `A file of ${shortSize(size * MIB)}`,
        env: { ...fetchSettings(web, folder, `v0.0.${size}`), DIST: dist },
        runs: runs(size > 256 ? 2 : 4),
        entrants,
      });
      measured.push({ x: size * MIB, rows: result.rows, result });
    }
  } finally {
    await web.close();
  }
  const plot: Plot = {
    title: "Time and memory by the size of the file",
    description:
      "Two plots with logarithmic axes: the time of each tool grows with the file's size, and the memory of this project's tools stays level.",
    xLabel: "size of the file",
    xTicks: SIZES.map((size) => [size * MIB, shortSize(size * MIB).replace(".0", "")]),
    panels: panels(measured),
  };
  return { results: measured.map(({ result }) => result), plots: { "size.svg": plot } };
};

const byCount: Group = async ({ folder, release, runs, measure }) => {
  const measured: { x: number; rows: Row[]; result: Result }[] = [];
  for (const count of COUNTS) {
    const dist = join(folder, `${count}`);
    fs.mkdirSync(dist);
    for (const name of RELEASE_ASSETS) fs.copyFileSync(join(release, name), join(dist, name));
    const [original = ""] = RELEASE_ASSETS;
    const paths = Array.from({ length: count }, (_, number) => join(dist, `file-${number}`));
    for (const path of paths) fs.linkSync(join(dist, original), path);
    const result = await measure({
      title: `${count} file${count === 1 ? "" : "s"} of ${shortSize(fs.statSync(join(dist, original)).size)}`,
      env: { DIST: dist },
      runs: runs(count > 100 ? 2 : 4),
      entrants: [
        {
          name: "preflight",
          command: node("preflight.ts", "--target", "x86_64-unknown-linux-musl", ...paths),
          ours: true,
        },
        { name: "sums", command: node("sums.ts"), ours: true },
        { name: "sha256sum", command: ["sha256sum", ...paths] },
        {
          name: "file and readelf -hldSW, a process for each file",
          command: sh('for path; do file "$path" && readelf -hldSW "$path"; done', ...paths),
          needs: ["file", "readelf"],
        },
      ],
    });
    measured.push({ x: count, rows: result.rows, result });
  }
  const plot: Plot = {
    title: "Time and memory by the number of files",
    description:
      "Two plots with logarithmic axes: one run over all files begins later and grows more slowly than a process for each file.",
    xLabel: "number of files",
    xTicks: COUNTS.map((count) => [count, String(count)]),
    panels: panels(measured),
  };
  return { results: measured.map(({ result }) => result), plots: { "files.svg": plot } };
};

export const growth: Group = async (bench) => {
  const parts = [];
  for (const [name, group] of Object.entries({ bySize, byCount })) {
    const folder = join(bench.folder, name);
    fs.mkdirSync(folder, { recursive: true });
    parts.push(await group({ ...bench, folder }));
    fs.rmSync(folder, { recursive: true });
  }
  return {
    results: parts.flatMap(({ results }) => results),
    plots: Object.assign({}, ...parts.map(({ plots }) => plots)),
  };
};
