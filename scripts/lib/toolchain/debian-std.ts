/**
 * A Rust toolchain for a musl target, made of Debian's packages alone: Debian's rustc, the target's standard library built
 * from Debian's rust-web-src, and the target's C library, start files and unwinder unpacked from Debian's packages of that
 * architecture. Nothing but what Debian signs is trusted. docs/toolchain.md tells the whole story.
 */

import { ensureFolders } from "../cache-folder.ts";
import type { Target } from "../contract.ts";
import { installPackages } from "../debian/install.ts";
import { missingFailure } from "../errors.ts";
import type { Progress } from "../progress.ts";
import { debianCommand } from "../tools.ts";
import { assemble, type Recipe } from "./assemble.ts";
import { cargoIn, HOST_PACKAGES, hostVersion, toolchainFolder } from "./cache.ts";

/** Debian's older Rust, which the packages above stand in for: they provide `rustc` and `cargo`, and conflict with these. */
const REPLACED = ["rustc", "cargo", "rust-src", "libstd-rust-dev"];

/** The targets of the recipe. No toolchain can be made for targets that are not here. */
export const RECIPES: Record<string, Recipe> = {
  "x86_64-unknown-linux-musl": {
    architecture: "amd64",
    musl: "usr/lib/x86_64-linux-musl",
    gcc: (version) => `usr/lib/gcc/x86_64-linux-gnu/${version}`,
  },
  "aarch64-unknown-linux-musl": {
    architecture: "arm64",
    musl: "usr/lib/aarch64-linux-musl",
    gcc: (version) => `usr/lib/gcc/aarch64-linux-gnu/${version}`,
  },
};

/** Rust's name of the machine that this runs on; undefined for those that the recipe was not made for. */
const HOSTS: Record<string, string | undefined> = {
  x64: "x86_64-unknown-linux-gnu",
  arm64: "aarch64-unknown-linux-gnu",
};

/**
 * Makes the toolchains of targets, or finds them in the cache. What is missing is made at once: two standard libraries
 * side by side take less time than one after the other, as the compiler's front end leaves a core idle.
 * @param targets that are in RECIPES
 * @returns the path of the first target's cargo, which carries all that it needs
 * @throws Failure (3) when packages are missing and this is not root, or something of the archive is out of reach
 */
export async function debianCargo(targets: readonly Target[], progress: Progress): Promise<string> {
  const host = HOSTS[process.arch];
  if (host === undefined) {
    throw missingFailure({
      what: "no toolchain can be made of Debian's packages on this machine",
      expected: "amd64 or arm64",
      got: process.arch,
    });
  }
  const version = await hostPackages(progress);
  const folders = new Map(targets.map((target) => [toolchainFolder(target, version), target]));
  await ensureFolders([...folders.keys()], progress, async (missing) => {
    const plans = missing.flatMap(({ folder: final, staging }) => {
      const triple = folders.get(final)?.triple ?? "";
      const recipe = RECIPES[triple];
      return recipe === undefined ? [] : [{ triple, recipe, final, staging }];
    });
    await assemble(plans, host, progress);
  });
  return cargoIn([...folders.keys()][0] ?? "");
}

/** Makes sure that the packages of the compiler are there, in one version. Comes out with it. */
async function hostPackages(progress: Progress): Promise<string> {
  const installed = await hostVersion();
  if (installed !== undefined) return installed;
  await installPackages(HOST_PACKAGES, progress, REPLACED);
  const version = await hostVersion();
  if (version !== undefined) return version;
  throw missingFailure({
    what: `${HOST_PACKAGES.join(", ")} are not installed in one version`,
    fix: `run as root: ${debianCommand(HOST_PACKAGES)}`,
  });
}
