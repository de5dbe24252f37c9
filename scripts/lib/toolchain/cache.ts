/** Where the toolchains made of Debian's packages are, and which of them fits the packages that are installed now. */
import * as fs from "node:fs";
import { join } from "node:path";
import type { Target } from "../contract.ts";
import { installedVersions } from "../debian.ts";
import { cacheDir } from "../paths.ts";

/** Part of every toolchain's name: to be raised when the recipe makes something else of the same packages. */
const RECIPE = 1;

/** The compiler and its tools, which are installed: /usr/bin/rustc of one version, its library's sources, the linker. */
export const HOST_PACKAGES = ["rustc-web", "cargo-web", "rust-web-src", "lld"] as const;

/**
 * The folder of a target's toolchain: a library fits only the very compiler that built it, so the compiler's version is in
 * the name, and the host's architecture, as homes may be shared.
 * @param version of Debian's rustc-web
 */
export const toolchainFolder = (target: Target, version: string): string =>
  cacheDir("toolchain", `${target.triple}-rust-${version}-${process.arch}-${RECIPE}`);

export const cargoIn = (folder: string): string => join(folder, "bin", "cargo");

/** The version of Debian's Rust; undefined unless all its packages are installed and agree. */
export async function hostVersion(): Promise<string | undefined> {
  const versions = await installedVersions(HOST_PACKAGES);
  const rust = versions.get("rustc-web");
  const agree = versions.get("cargo-web") === rust && versions.get("rust-web-src") === rust && versions.has("lld");
  return agree ? rust : undefined;
}

/** The cargo of the toolchain for a target, made earlier of the packages that are installed now; undefined: there is none. */
export async function cachedCargo(target: Target): Promise<string | undefined> {
  if (!fs.existsSync(cacheDir("toolchain"))) return undefined;
  const version = await hostVersion();
  const folder = version === undefined ? undefined : toolchainFolder(target, version);
  return folder !== undefined && fs.existsSync(folder) ? cargoIn(folder) : undefined;
}
