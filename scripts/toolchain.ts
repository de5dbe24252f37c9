#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { subBuildCargo } from "./lib/build/cargo.ts";
import { runScript } from "./lib/cli.ts";
import { RELEASE_TARGETS } from "./lib/contract.ts";
import { CACHE_KNOBS, knob } from "./lib/knobs.ts";
import { selectedTarget } from "./lib/target.ts";
import { ensureToolchain } from "./lib/toolchain.ts";
import { findWorkspace } from "./lib/workspace.ts";

await runScript({
  name: "toolchain.ts",
  summary:
    "Makes sure that cargo can build for the target: by what it has, by rustup, or by a toolchain made of Debian's\n" +
    "packages in the cache folder. docs/toolchain.md tells how and why.",
  options: { all: { type: "boolean", means: "for every release target, not for the selected one alone" } },
  knobs: [
    "TARGET",
    "FASTBOOP_STAGE0_TARGET",
    "FASTBOOP_STAGE0_TOOLCHAIN",
    "FASTBOOP_STAGE0_CARGO",
    "CARGO",
    "WORKSPACE",
    "CARGO_CFG_TARGET_ARCH",
    ...CACHE_KNOBS,
  ],
  prints: "the absolute path of the cargo that can build for the target, a line for each target",
  async main({ all }) {
    const targets = all ? RELEASE_TARGETS : [selectedTarget()];
    const request = {
      cargo: subBuildCargo(),
      choice: knob("FASTBOOP_STAGE0_TOOLCHAIN"),
      folder: findWorkspace().dir,
    };
    for (const [index, target] of targets.entries()) {
      const cargo = await ensureToolchain({ ...request, target, also: targets.slice(index + 1) });
      process.stdout.write(`${cargo}\n`);
    }
    return 0;
  },
});
