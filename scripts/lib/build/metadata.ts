/** What a cargo says of a workspace and of all the crates that it uses. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { withGit } from "../build.ts";
import { printable } from "../errors.ts";
import { environment, knob } from "../knobs.ts";
import { say } from "../log.ts";
import { type Output, run } from "../process.ts";
import { readPin } from "../toolchain/pin.ts";
import { isOlder, unmetBy } from "../toolchain/rust-version.ts";
import { rustcVersion } from "../toolchain/rustc.ts";
import { at } from "../workspace.ts";
import { nestedEnvironment } from "./cargo.ts";
import { withGitCheckouts } from "./git-checkouts.ts";

/**
 * Asks a cargo what takes the crates' own manifests to know. It is asked offline first: with all crates there it needs no
 * network, and would ask nevertheless.
 * @param folder absolute path in which it runs
 */
export async function askCargo(cargo: string, folder: string, args: readonly string[]): Promise<Output> {
  const command = await withGit({ cargo, args: [...args], folder, env: nestedEnvironment(environment()), set: {} });
  const attempt = (...more: string[]): Promise<Output> =>
    run([cargo, ...args, ...more], { cwd: folder, env: command.env });
  const offline = await attempt("--offline");
  if (offline.exitCode === 0 || knob("FASTBOOP_STAGE0_OFFLINE")) return offline;
  say("downloading the crates that cargo has not got yet");
  return withGitCheckouts(command, () => attempt());
}

/**
 * Whether a cargo's compiler is there, and no older than is asked for by the workspace's manifests and by `rust-toolchain`, or
 * where that names no version, by the crates that the workspace uses on this machine.
 */
export async function suitsWorkspace(cargo: string, dir: string): Promise<boolean> {
  const [version, pin] = await Promise.all([rustcVersion(cargo, dir), readPin(dir)]);
  if (version === undefined || (await unmetBy(dir, version.release)).length > 0) return false;
  if (pin !== undefined && /^[0-9]/.test(pin.channel)) return !isOlder(version.release, pin.channel);
  // Without a lock file cargo does not build.
  if (!existsSync(join(dir, "Cargo.lock"))) return true;
  const platform = version.host === undefined ? [] : ["--filter-platform", version.host];
  const { exitCode, stdout } = await askCargo(cargo, dir, ["metadata", "--format-version=1", "--locked", ...platform]);
  // What stands in the way of this does so again when cargo builds, which then says so.
  if (exitCode !== 0) return true;
  const needs = (one: unknown): string => String(at(one, "rust_version") ?? "");
  const packages = [at(JSON.parse(stdout), "packages") ?? []].flat();
  const newer = packages.find((one) => isOlder(version.release, needs(one)));
  if (newer === undefined) return true;
  const [name, its] = [at(newer, "name"), at(newer, "version")].map(String).map(printable);
  say(`${printable(cargo)} has Rust ${version.release}, and ${name} ${its} needs ${printable(needs(newer))}`);
  return false;
}
