#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { BUILD_KNOBS, buildStage0 } from "./lib/build.ts";
import { runScript } from "./lib/cli.ts";
import { DEFAULT_TARGET, RELEASE_TARGETS } from "./lib/contract.ts";
import { checkEmbedPath, exportLine, writeEmbedEnv } from "./lib/embed-path.ts";
import { usageFailure } from "./lib/errors.ts";
import { knob } from "./lib/knobs.ts";
import { distDir } from "./lib/paths.ts";
import { selectedTarget } from "./lib/target.ts";

await runScript({
  name: "build-stage0.ts",
  summary:
    "Builds stage0 with cargo, or takes FASTBOOP_STAGE0_EMBED_PATH, into dist/fastboop-stage0-<target>.\n" +
    "dist/stage0.env holds its path as FASTBOOP_STAGE0_EMBED_PATH=…, and so does $GITHUB_ENV in GitHub Actions.",
  options: {
    all: { type: "boolean", means: "build every release target; stage0.env names the selected one" },
    env: { type: "boolean", means: "print the export line for sh instead of the path" },
  },
  knobs: BUILD_KNOBS,
  prints: "the absolute path of the artifact, one a line; with --env the export line",
  async main({ all, env }) {
    const selected = selectedTarget();
    const targets = all ? RELEASE_TARGETS : [selected];
    if (all && knob("FASTBOOP_STAGE0_EMBED_PATH") !== undefined) {
      throw usageFailure({
        what: "FASTBOOP_STAGE0_EMBED_PATH is one file, and every release target is to be built",
        fix: "unset it, or build one target",
      });
    }
    checkEmbedPath(distDir());
    const artifacts = new Map<string, string>();
    for (const [index, target] of targets.entries()) {
      artifacts.set(target.triple, await buildStage0(target, targets.slice(index + 1)));
    }
    const path = artifacts.get(selected.triple) ?? artifacts.get(DEFAULT_TARGET) ?? "";
    writeEmbedEnv(distDir(), path);
    const lines = env ? [exportLine(path)] : [...artifacts.values()];
    process.stdout.write(lines.map((line) => `${line}\n`).join(""));
    return 0;
  },
});
