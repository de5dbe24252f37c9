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

/**
 * Checks, by asking cargo, that the workspace of a folder has a package.
 * @param cargo absolute path
 * @throws Failure (3) when it has not, or its manifests can't be read
 */
export async function checkPackage(cargo: string, dir: string, name: string): Promise<void> {
  const command = [cargo, "metadata", "--no-deps", "--offline", "--format-version=1"];
  const env = nestedEnvironment(environment());
  const { exitCode, stdout, stderr } = await run(command, { cwd: dir, env });
  const found = exitCode === 0 ? [at(JSON.parse(stdout), "packages") ?? []].flat() : [];
  const names = found.map((entry) => at(entry, "name"));
  if (names.includes(name)) return;
  throw missingFailure({
    what: `the workspace has no package ${name}`,
    got: printable(exitCode === 0 ? names.join(", ") : stderr.trim().replace(/\s*\n\s*/g, ": ")),
    file: printable(dir),
    fix: "set WORKSPACE to the root of a workspace that has it",
  });
}
