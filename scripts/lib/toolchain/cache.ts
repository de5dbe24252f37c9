/** Where the toolchains made of Debian's packages are, and whether they work. */
import * as fs from "node:fs";
import { join } from "node:path";
import { makeCacheFolder, newest } from "../cache-folder.ts";
import type { Target } from "../contract.ts";
import { printable, usageFailure } from "../errors.ts";
import { temporaryName } from "../files.ts";
import { say } from "../log.ts";
import { osRelease } from "../os-release.ts";
import { cacheDir } from "../paths.ts";
import { checkRunsPrograms, run } from "../process.ts";
import { HOST } from "./recipes.ts";
import { hasStd } from "./rustc.ts";

/** Part of every folder's name: to be raised when something else is made of the same packages. */
const RECIPE = 3;

/** What has to be the same for a folder to be of use here: homes are shared by machines of other kinds and releases. */
const SUITS_HERE = `_${release()}_${process.arch}_${RECIPE}`;

function release(): string {
  const field = (name: "ID" | "VERSION_ID"): string => /^[\w.]+$/.exec(osRelease(name))?.[0] ?? "";
  return `${field("ID")}${field("VERSION_ID")}`;
}

/** Which folder of the cache: Rust's, or that of clang with libclang and headers. */
type Part = "toolchain" | "clang";

/** The folder of a compiler, which its version names. */
export const compilerFolder = (part: Part, name: string, version: string): string =>
  cacheDir(part, `${name}_${version.replaceAll(":", "%3a")}${SUITS_HERE}`);

/** The folder of what a target needs beyond a compiler, beside that: a library fits only the very compiler that built it. */
export const targetFolder = (triple: string, compiler: string): string =>
  join(compiler, "..", `${triple}_${compiler.slice(compiler.lastIndexOf("/") + 1)}`);

export const cargoIn = (folder: string): string => join(folder, "bin", "cargo");

/** Whether what is in a folder works: not when a part of the cache was lost, or the system's libraries changed. */
type Check = (folder: string) => Promise<boolean>;

/** The newest folder for a target that is in the cache; undefined: there is none, or it does not work. */
export async function newestFolder(part: Part, triple: string, works: Check): Promise<string | undefined> {
  const parent = cacheDir(part);
  const names = fs.existsSync(parent) ? fs.readdirSync(parent) : [];
  const suitable = names.filter((name) => name.startsWith(`${triple}_`) && name.endsWith(SUITS_HERE));
  const folder = newest(suitable.map((name) => join(parent, name)));
  return folder !== undefined && (await works(folder)) ? folder : undefined;
}

/** The cargo of the newest toolchain for a target that is in the cache, if it works; undefined: there is none. */
export async function cachedCargo({ triple }: Target): Promise<string | undefined> {
  const folder = await newestFolder("toolchain", triple, targetWorks(triple));
  return folder === undefined ? undefined : cargoIn(folder);
}

export const compilerWorks: Check = (folder) => programsStart(folder, join(folder, "usr"));

export const targetWorks =
  (triple: string): Check =>
  async (folder) =>
    hasStd(join(folder, "sysroot"), triple) && programsStart(folder, join(folder, "sysroot"));

async function programsStart(folder: string, sysroot: string): Promise<boolean> {
  const answers = await Promise.all([
    run([cargoIn(folder), "--version"]),
    run([join(folder, "bin", "rustc"), "--version"]),
    run([join(sysroot, "lib", "rustlib", HOST?.triple ?? "", "bin", "rust-lld"), "-flavor", "gnu", "--version"]),
  ]);
  return answers.every(({ exitCode }) => exitCode === 0);
}

/** Takes a folder that does not work out of the way, so that it is made anew, and says so. */
export async function removeBroken(folder: string, works: Check): Promise<void> {
  if (!fs.existsSync(folder) || (await works(folder))) return;
  say(`toolchain: ${printable(folder)} does not work any more, so it is made anew`);
  // The next run that makes a folder here removes it.
  fs.renameSync(folder, temporaryName(folder));
}

/**
 * Checks that programs in the cache can be run, before any is put there.
 * @throws Failure (3) when the folder can't be made or is on a file system that runs no programs, (2) when no program's
 *   search path can hold its name
 */
export async function checkCache(part: Part): Promise<void> {
  const folder = cacheDir(part);
  // What the program loader reads as more than a part of a path (ld.so(8)).
  if (/[:;$\n]/.test(folder)) {
    throw usageFailure({
      what: "a toolchain can't be used in a folder of this name",
      expected: 'a path without ":", ";", "$" and line breaks',
      file: printable(folder),
      fix: "set FASTBOOP_STAGE0_CACHE to another folder",
    });
  }
  makeCacheFolder(folder);
  await checkRunsPrograms(folder, "FASTBOOP_STAGE0_CACHE");
}
