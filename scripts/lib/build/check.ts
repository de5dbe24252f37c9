/** What can be known of a sub-build before anything is downloaded or compiled. */
import * as fs from "node:fs";
import { dirname, join } from "node:path";
import { PACKAGE } from "../contract.ts";
import { missingFailure, printable, usageFailure } from "../errors.ts";
import { environment } from "../knobs.ts";
import { run } from "../process.ts";
import { at, readToml } from "../workspace.ts";
import { nestedEnvironment } from "./cargo.ts";

/**
 * Checks that a workspace has stage0's package and a lock file.
 * @param dir absolute path of the folder that holds stage0/Cargo.toml
 * @throws Failure (2) when the manifest is not TOML or is another package's, (3) when there is no Cargo.lock
 */
export async function checkWorkspace(dir: string): Promise<void> {
  const file = join(dir, "stage0", "Cargo.toml");
  const name = at(await readToml(file), "package", "name");
  if (name !== PACKAGE) {
    throw usageFailure({
      what: "this is not the manifest of stage0",
      expected: `name = "${PACKAGE}" in [package]`,
      got: typeof name === "string" ? `"${printable(name)}"` : "no name",
      file: printable(file),
      fix: "set WORKSPACE to the workspace's root, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0",
    });
  }
  // cargo keeps it beside the manifest of the workspace's root, which may be stage0 itself or further up.
  for (let folder = dirname(file); !fs.existsSync(join(folder, "Cargo.lock")); folder = dirname(folder)) {
    if (folder !== dirname(folder)) continue;
    throw missingFailure({
      what: "the workspace has no Cargo.lock",
      expected: "a lock file, since cargo runs with --locked",
      file: printable(dir),
      fix: "run cargo generate-lockfile in the workspace and commit its Cargo.lock",
    });
  }
}

interface Package {
  /** Names of the executables that it builds. */
  binaries: string[];
  features: string[];
}

/**
 * What cargo says of a package in the workspace of a folder.
 * @param cargo absolute path
 * @throws Failure (3) when there is none that builds an executable, or the manifests can't be read
 */
export async function findPackage(cargo: string, dir: string, name: string): Promise<Package> {
  const command = [cargo, "metadata", "--no-deps", "--offline", "--format-version=1"];
  const env = nestedEnvironment(environment());
  const { exitCode, stdout, stderr } = await run(command, { cwd: dir, env });
  const packages = exitCode === 0 ? listAt(JSON.parse(stdout), "packages") : [];
  const found = packages.find((entry) => at(entry, "name") === name);
  const targets = listAt(found, "targets").filter((target) => listAt(target, "kind").includes("bin"));
  if (targets.length > 0) {
    return {
      binaries: targets.map((target) => String(at(target, "name"))),
      features: Object.keys(at(found, "features") ?? {}),
    };
  }
  const names = packages.map((entry) => at(entry, "name"));
  throw missingFailure({
    what: found === undefined ? `the workspace has no package ${name}` : `the package ${name} builds no executable`,
    ...(found === undefined
      ? { got: printable(exitCode === 0 ? names.join(", ") : stderr.trim().replace(/\s*\n\s*/g, ": ")) }
      : {}),
    file: printable(dir),
    fix: "set WORKSPACE to the root of a workspace that has it",
  });
}

const listAt = (table: unknown, key: string): unknown[] => [at(table, key) ?? []].flat();
