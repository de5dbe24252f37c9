#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { cargoCommand, chosenCargo, nestedEnvironment } from "./lib/build/cargo.ts";
import { checkPackage } from "./lib/build/check.ts";
import { BUILD_KNOBS, buildStage0, runLogged } from "./lib/build.ts";
import { runScript } from "./lib/cli.ts";
import { checkEmbedPath, EMBED_PATH, writeEmbedEnv } from "./lib/embed-path.ts";
import { environment, knob } from "./lib/knobs.ts";
import { distDir } from "./lib/paths.ts";
import { selectedTarget } from "./lib/target.ts";
import { findWorkspace } from "./lib/workspace.ts";

const CLI = "fastboop-cli";

await runScript({
  name: "build-cli.ts",
  summary:
    "Builds stage0 as build-stage0.ts does, then the workspace's fastboop-cli with stage0 embedded,\n" +
    "for the machine that cargo builds for by itself, in cargo's own target folder.",
  options: {},
  knobs: BUILD_KNOBS,
  prints: "the absolute path of fastboop-cli",
  async main() {
    const target = selectedTarget();
    checkEmbedPath(distDir());
    // Before stage0 is built, which may take minutes. FASTBOOP_STAGE0_CARGO is the sub-build's alone.
    const cargo = chosenCargo("CARGO");
    const { dir } = findWorkspace();
    await checkPackage(cargo, dir, CLI);
    const stage0 = await buildStage0(target);
    writeEmbedEnv(distDir(), stage0);
    const command = cargoCommand({
      cargo,
      folder: dir,
      args: ["--package", CLI],
      profile: knob("PROFILE"),
      env: nestedEnvironment(environment()),
      set: { [EMBED_PATH]: stage0 },
    });
    process.stdout.write(`${await runLogged(command, CLI, CLI)}\n`);
    return 0;
  },
});
