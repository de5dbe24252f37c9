#!/usr/bin/env -S sh -c 'exec node --require "$(dirname "$(readlink -f "$0")")/../scripts/lib/typescript.cjs" "$0" "$@"'
import { subBuildCargo } from "./lib/build/cargo.ts";
import { runScript } from "./lib/cli.ts";
import { RELEASE_TARGETS } from "./lib/contract.ts";
import { CACHE_KNOBS, knob } from "./lib/knobs.ts";
import { setOutputs } from "./lib/log.ts";
import { showProgress } from "./lib/progress.ts";
import { selectedTarget } from "./lib/target.ts";
import { recipeOf } from "./lib/toolchain/recipes.ts";
import { ensureToolchain } from "./lib/toolchain.ts";
import { findWorkspace } from "./lib/workspace.ts";

await runScript({
  name: "toolchain.ts",
  summary:
    "Makes sure that cargo can build for the target: by what it has, by rustup, or by a toolchain made of Debian's\n" +
    "packages in the cache folder. docs/toolchain.md tells how and why.",
  options: {
    all: { type: "boolean", means: "for every release target, not for the selected one alone" },
    key: {
      type: "boolean",
      means: "make nothing, and print for every release target the name that a cache keeps Debian's toolchain by",
    },
  },
  knobs: [
    "TARGET",
    "FASTBOOP_STAGE0_TARGET",
    "FASTBOOP_STAGE0_TOOLCHAIN",
    "FASTBOOP_STAGE0_CARGO",
    "CARGO",
    "WORKSPACE",
    "CARGO_CFG_TARGET_ARCH",
    "GITHUB_OUTPUT",
    ...CACHE_KNOBS,
  ],
  prints: "the absolute path of the cargo that can build for the target, a line for each target; or the names",
  async main({ all, key }) {
    if (key) {
      const { toolchainNames } = await import("./lib/toolchain/debian.ts");
      const recipes = RELEASE_TARGETS.flatMap(({ triple }) => recipeOf(triple) ?? []);
      const names = await showProgress("toolchain", (progress) => toolchainNames(recipes, progress));
      const outputs = Object.fromEntries(RELEASE_TARGETS.map(({ arch }, index) => [arch, names[index] ?? ""]));
      setOutputs({ ...outputs, key: outputs[selectedTarget().arch] ?? "" });
      process.stdout.write(names.map((name) => `${name}\n`).join(""));
      return 0;
    }
    const targets = all ? RELEASE_TARGETS : [selectedTarget()];
    const request = {
      cargo: subBuildCargo(),
      choice: knob("FASTBOOP_STAGE0_TOOLCHAIN"),
      folder: findWorkspace().dir,
    };
    for (const [index, target] of targets.entries()) {
      const { cargo } = await ensureToolchain({ ...request, target, also: targets.slice(index + 1) });
      process.stdout.write(`${cargo}\n`);
    }
    return 0;
  },
});
