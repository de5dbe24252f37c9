#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../../scripts/lib/typescript.cjs" "$0" "$@"'
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runScript } from "../../scripts/lib/cli.ts";
import { writeText } from "../../scripts/lib/files.ts";
import { packParts } from "../../scripts/lib/gate/parts.ts";
import { checkDist } from "../../scripts/lib/gate/preflight.ts";
import { knob } from "../../scripts/lib/knobs.ts";
import { bold, duration, green, say, summarize } from "../../scripts/lib/log.ts";
import { distDir } from "../../scripts/lib/paths.ts";
import { allOf } from "../../scripts/lib/pool.ts";
import { checkRunsPrograms } from "../../scripts/lib/process.ts";
import { showProgress } from "../../scripts/lib/progress.ts";
import { readTag, spellTag } from "../../scripts/lib/tags.ts";
import { checkTools, requireTools } from "../../scripts/lib/tools.ts";
import { findWorkspace, workspaceVersion } from "../../scripts/lib/workspace.ts";
import { custody, type Done, neededTools, runStep, steps } from "./lib/rehearsal.ts";

await runScript({
  name: "rehearse.ts",
  summary:
    "Goes the whole way of a release on this machine, from source to packages, against a local GitHub. The steps read their knobs too.",
  options: {},
  knobs: [
    "TAG",
    "WORKSPACE",
    "FAULTS",
    "PHONE",
    "DIST",
    "FASTBOOP_STAGE0_REPO",
    "FASTBOOP_STAGE0_MAX_SIZE",
    "FASTBOOP_STAGE0_CARGO",
    "CARGO",
    "GITHUB_STEP_SUMMARY",
  ],
  prints: "the path of the HTML report",
  async main() {
    const workspace = findWorkspace();
    const given = knob("TAG");
    let tag = "";
    await allOf([
      async () => {
        tag = spellTag(
          given === undefined
            ? readTag(await workspaceVersion(workspace.dir), "the workspace's version")
            : readTag(given, "TAG"),
        );
      },
      async () => checkTools(neededTools()),
      () => checkRunsPrograms(tmpdir(), "TMPDIR"),
    ]);
    await requireTools(neededTools());
    const work = join(distDir(), "rehearsal");
    const log = join(work, "log");
    fs.rmSync(work, { recursive: true, force: true });
    fs.mkdirSync(log, { recursive: true });

    const { startGitHub } = await import("../../test/github/server.ts");
    const github = await startGitHub({ tls: true, immutableReleases: true });
    const done: Done[] = [];
    try {
      await github.addRelease({ tag: "v0.0.0", repo: knob("FASTBOOP_STAGE0_REPO") });
      await showProgress("rehearse", async (progress, show) => {
        for (const step of steps(work, github, tag)) {
          progress(step.name);
          const one = await runStep(step, github, log, knob("FAULTS"));
          done.push(one);
          show(`${green("ok")} ${bold(step.name.padEnd(9))} ${duration(one.milliseconds).padStart(7)}  ${step.proves}`);
        }
      });
      const links = await custody(work, github, tag, done);
      say(`${green("ok")} the same bytes in ${links.length} places: sha256 ${links[0]?.sha256}`);
      const { rehearsalReport } = await import("./lib/rehearsal-report.ts");
      const report = join(work, "report.html");
      const gated = checkDist(join(work, "dist"), { maxSize: knob("FASTBOOP_STAGE0_MAX_SIZE"), pack: packParts });
      writeText(
        report,
        rehearsalReport({ tag, workspace: workspace.dir, faults: knob("FAULTS"), done, custody: links, gated }),
      );
      summarize(
        `| step | time | proved |\n|---|---|---|\n${done.map(({ step, milliseconds }) => `| ${step.name} | ${duration(milliseconds)} | ${step.proves} |`).join("\n")}`,
      );
      process.stdout.write(`${report}\n`);
    } finally {
      await github.close();
    }
    return 0;
  },
});
