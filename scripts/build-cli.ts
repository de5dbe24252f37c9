#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { cargoCommand, chosenCargo, nestedEnvironment, subBuildCargo } from "./lib/build/cargo.ts";
import { findPackage } from "./lib/build/check.ts";
import { proveEmbedded } from "./lib/build/embedded.ts";
import { suitsWorkspace } from "./lib/build/metadata.ts";
import { BUILD_KNOBS, buildStage0, runLogged, stage0Toolchain, withGit } from "./lib/build.ts";
import { runScript } from "./lib/cli.ts";
import { checkEmbedPath, EMBED_PATH, writeEmbedEnv } from "./lib/embed-path.ts";
import { environment, knob } from "./lib/knobs.ts";
import { distDir } from "./lib/paths.ts";
import { selectedTarget } from "./lib/target.ts";
import { ensureToolchain } from "./lib/toolchain.ts";
import { findWorkspace } from "./lib/workspace.ts";

const CLI = "fastboop-cli";
const FEATURE = "embed-stage0";

await runScript({
  name: "build-cli.ts",
  summary:
    "Builds stage0 as build-stage0.ts does, then the workspace's fastboop-cli with stage0 embedded,\n" +
    "for the machine that cargo builds for by itself, in cargo's own target folder, and looks for stage0's bytes in it.\n" +
    "A cargo that is too old for the workspace gives way to the one that builds stage0, unless CARGO names it.\n" +
    "With FASTBOOP_STAGE0_EMBED_PATH, WORKSPACE may be the package alone, as crates.io has it.",
  options: {},
  knobs: [...BUILD_KNOBS, "FASTBOOP_STAGE0_OFFLINE"],
  prints: "the absolute path of the executable",
  async main() {
    const target = selectedTarget();
    checkEmbedPath(distDir());
    const given = knob(EMBED_PATH) !== undefined;
    const { dir } = findWorkspace(given ? "Cargo.toml" : undefined);
    // A file that is there is looked at first; one that has to be built, which may take minutes, comes after the package.
    const prebuilt = given ? await buildStage0(target, []) : undefined;
    // FASTBOOP_STAGE0_CARGO is the sub-build's alone.
    const chosen = chosenCargo("CARGO");
    const request = { cargo: subBuildCargo(), target, choice: knob("FASTBOOP_STAGE0_TOOLCHAIN"), folder: dir };
    const suits = knob("CARGO") !== undefined || (await suitsWorkspace(chosen, dir));
    const stage0s = suits ? undefined : await (given ? ensureToolchain(request) : stage0Toolchain(target));
    const cargo = stage0s?.cargo ?? chosen;
    const { binaries, features } = await findPackage(cargo, dir, CLI);
    const embeds = features.includes(FEATURE);
    const stage0 = prebuilt ?? (await buildStage0(target, [], stage0s));
    writeEmbedEnv(distDir(), stage0);
    const planned = cargoCommand({
      cargo,
      folder: dir,
      args: ["--package", CLI, ...(embeds ? ["--features", FEATURE] : [])],
      profile: knob("PROFILE"),
      env: nestedEnvironment(environment()),
      set: { [EMBED_PATH]: stage0 },
    });
    const executables = await runLogged(await withGit(planned, ["--package", CLI]), binaries, CLI);
    process.stdout.write(`${proveEmbedded(executables, stage0, embeds ? FEATURE : undefined)}\n`);
    return 0;
  },
});
