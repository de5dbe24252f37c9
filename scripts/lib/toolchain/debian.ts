/**
 * A Rust toolchain for a musl target, made of Debian's packages alone, in the cache: Debian's rustc and cargo, unpacked and
 * never installed; the target's standard library, built from Debian's sources of it; the target's C library, start files
 * and unwinder, unpacked from Debian's packages of that architecture. Nothing but what Debian signs is trusted.
 * docs/toolchain.md tells the whole story.
 */

import * as fs from "node:fs";
import { basename, dirname, join } from "node:path";
import { ensureFolder, ensureFolders } from "../cache-folder.ts";
import { withTemporaryFolder } from "../cleanup.ts";
import { debianCommand } from "../debian/command.ts";
import { type Archive, withArchive } from "../debian.ts";
import { missingFailure, printable } from "../errors.ts";
import { writeText } from "../files.ts";
import { run } from "../process.ts";
import type { Progress } from "../progress.ts";
import { makeCompiler, makeTargets } from "./assemble.ts";
import {
  cargoIn,
  checkCache,
  compilerFolder,
  compilerWorks,
  removeBroken,
  targetFolder,
  targetWorks,
} from "./cache.ts";
import { chooseCompiler, chooseTargets } from "./packages.ts";
import { HOST, type Host, type Recipe } from "./recipes.ts";
import { checkRust } from "./rust-version.ts";

/**
 * Makes the toolchains of targets, or finds them in the cache. What is missing is made at once: two standard libraries
 * side by side take less time than one after the other, as the compiler's front end leaves a core idle.
 * @param workspace whose manifests may ask for a newer Rust than Debian's
 * @returns the path of the first target's cargo, which carries all that it needs
 * @throws Failure (3) when something of the archive or of this machine is missing, (2) when the cache can't be used
 */
export async function debianCargo(recipes: readonly Recipe[], workspace: string, progress: Progress): Promise<string> {
  const host = requireHost();
  await checkCache("toolchain");
  await requireLinker();
  const foreign = new Set(recipes.map(({ architecture }) => architecture));
  foreign.delete(host.architecture);
  return withArchive([host.architecture, ...foreign], progress, async (archive) => {
    const compiler = await chooseCompiler(archive);
    await checkRust(workspace, compiler.version, "set FASTBOOP_STAGE0_TOOLCHAIN=rustup, whose server has newer ones");
    const targets = await chooseTargets(archive, recipes, compiler.llvm);
    const made = compilerFolder("toolchain", compiler.rustc, compiler.version);
    const folders = new Map(targets.map((target) => [targetFolder(target.recipe.triple, made), target]));
    await removeBroken(made, compilerWorks);
    for (const [folder, { recipe }] of folders) await removeBroken(folder, targetWorks(recipe.triple));

    const absent = [...folders].flatMap(([folder, { packages }]) => (fs.existsSync(folder) ? [] : packages));
    await requireSpace(archive, dirname(made), [
      ...(fs.existsSync(made) ? [] : compiler.packages),
      ...(absent.length === 0 ? [] : [compiler.src, ...absent]),
    ]);
    await ensureFolder(made, progress, (staging) => makeCompiler(staging, compiler, host, archive));
    await ensureFolders([...folders.keys()], progress, async (missing) => {
      const parts = missing.flatMap(({ folder, staging }) => {
        const target = folders.get(folder);
        return target === undefined ? [] : [{ target, folder: staging }];
      });
      await makeTargets(parts, compiler, made, host, archive, progress);
    });
    return cargoIn([...folders.keys()][0] ?? "");
  });
}

/**
 * The names of the toolchains that would be made of the packages that the archive has now: what a cache keeps them by.
 * @throws Failure (3) as debianCargo
 */
export async function toolchainNames(recipes: readonly Recipe[], progress: Progress): Promise<string[]> {
  return withArchive([requireHost().architecture], progress, async (archive) => {
    const { rustc, version } = await chooseCompiler(archive);
    return recipes.map(({ triple }) => basename(targetFolder(triple, compilerFolder("toolchain", rustc, version))));
  });
}

export function requireHost(): Host {
  if (HOST !== undefined) return HOST;
  throw missingFailure({
    what: "no toolchain can be made of Debian's packages on this machine",
    expected: "amd64 or arm64",
    got: process.arch,
  });
}

/** rustc links build scripts with `cc`, and the standard library has some: a C compiler, and a C library to link with. */
export async function requireLinker(): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const source = join(folder, "main.c");
    writeText(source, "int main(void) { return 0; }\n");
    const command = ["cc", "-o", join(folder, "main"), source];
    const { exitCode, stderr } = await run(command, { env: { PATH: "/usr/bin:/bin" } });
    if (exitCode === 0) return;
    throw missingFailure({
      what: "cc can't link a program for this machine, which build scripts need",
      got: printable(stderr.trim().split("\n").at(-1) ?? ""),
      fix: `run as root: ${debianCommand(["gcc", "libc6-dev"])}`,
    });
  });
}

/** What cargo writes while it builds the standard library for two targets. */
const BUILD_SIZE = 400e6;

/** Checks that packages can be unpacked and a library built. @throws Failure (3) when there is too little space for it */
export async function requireSpace(archive: Archive, folder: string, packages: readonly string[]): Promise<void> {
  if (packages.length === 0) return;
  const needed = [...(await archive.get(packages)).values()].reduce(
    (sum, { installedSize }) => sum + installedSize,
    BUILD_SIZE,
  );
  const { bavail, bsize } = fs.statfsSync(folder);
  if (bavail * bsize >= needed) return;
  throw missingFailure({
    what: "there is too little space to make a toolchain",
    expected: `${megabytes(needed)} free`,
    got: megabytes(bavail * bsize),
    file: printable(folder),
    fix: "free some space, or set FASTBOOP_STAGE0_CACHE to another folder",
  });
}

const megabytes = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
