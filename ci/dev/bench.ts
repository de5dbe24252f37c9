#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { onExit } from "../../scripts/lib/cleanup.ts";
import { runScript } from "../../scripts/lib/cli.ts";
import { usageFailure } from "../../scripts/lib/errors.ts";
import { writeText } from "../../scripts/lib/files.ts";
import { CACHE_KNOBS } from "../../scripts/lib/knobs.ts";
import { duration, say } from "../../scripts/lib/log.ts";
import { PROJECT } from "../../scripts/lib/paths.ts";
import { fetching, publishing } from "./lib/bench/fetch.ts";
import { type Bench, boot, build, type Group, node, packages, preflight, startup, sums } from "./lib/bench/groups.ts";
import { growth } from "./lib/bench/growth.ts";
import { machine, provide, versions } from "./lib/bench/machine.ts";
import { svg } from "./lib/bench/plot.ts";
import { page, type Results } from "./lib/bench/report.ts";
import { benchEnvironment, type Comparison, measure, once } from "./lib/bench.ts";

const GROUPS: Readonly<Record<string, Group>> = {
  preflight,
  sums,
  fetch: fetching,
  startup,
  build,
  boot,
  publish: publishing,
  package: packages,
  growth,
};

await runScript({
  name: "bench.ts",
  summary: `Measures this project's commands beside what people use for the same, and writes docs/bench/.\nGroups: ${Object.keys(GROUPS).join(", ")}.`,
  operands: "[GROUP…]",
  options: {
    runs: { type: "string", value: "NUMBER", means: "timed runs of each command, in place of the usual number" },
    out: { type: "string", value: "FOLDER", means: "where to write, in place of docs/bench" },
  },
  knobs: CACHE_KNOBS,
  prints: "the path of the page",
  async main({ runs, out }, operands) {
    const names = operands.length > 0 ? operands : Object.keys(GROUPS);
    const unknown = names.find((name) => !Object.hasOwn(GROUPS, name));
    if (unknown !== undefined)
      throw usageFailure({ what: "no such group", got: unknown, expected: Object.keys(GROUPS).join(", ") });
    if (runs !== undefined && !/^[1-9][0-9]{0,2}$/.test(runs))
      throw usageFailure({ what: "--runs is not a number of runs", got: runs });
    const to = resolve(out ?? join(PROJECT, "docs", "bench"));
    const folder = mkdtempSync(join(realpathSync(tmpdir()), "stage0-bench-"));
    onExit(() => rmSync(folder, { recursive: true, force: true }));
    const lacking = await provide();

    say("building the release files and the bundled tools");
    const release = join(folder, "release");
    const start = performance.now();
    await once(node("build-stage0.ts", "--all"), benchEnvironment({ DIST: release }), folder);
    await once(node("../ci/dev/bundle.ts"), benchEnvironment({ DIST: join(folder, "bundled") }), folder);
    const results = await earlier(join(to, "results.json"), machine());
    for (const name of names) {
      const own = join(folder, name);
      mkdirSync(own);
      const bench: Bench = {
        folder: own,
        release,
        tools: join(folder, "bundled", "tools"),
        runs: (usual) => Number(runs ?? usual),
        measure: (comparison: Comparison) => measure(comparison, lacking, folder),
      };
      const { results: measured, plots = {} } = (await GROUPS[name]?.(bench)) ?? { results: [] };
      results.groups[name] = { date: new Date().toISOString().slice(0, 10), results: measured, plots };
      rmSync(own, { recursive: true, force: true });
      for (const [file, plot] of Object.entries(plots)) writeText(join(to, file), svg(plot));
      writeText(join(to, "results.json"), `${JSON.stringify(results, null, 1)}\n`);
      writeText(join(to, "README.md"), page(results));
    }
    say(`measured in ${duration(performance.now() - start)}`);
    process.stdout.write(`${join(to, "README.md")}\n`);
    return 0;
  },
});

/** What was measured earlier on the same machine, to be replaced group by group. */
async function earlier(file: string, machine: string): Promise<Results> {
  const none: Results = { machine, versions: await versions(), groups: {} };
  if (!existsSync(file)) return none;
  const { machine: before, groups } = JSON.parse(readFileSync(file, "utf8")) as Results;
  return before === machine ? { ...none, groups } : none;
}
