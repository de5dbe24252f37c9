/**
 * How stage0 was built, for whoever wants to build it again. Each build leaves what it knows beside its log; a release
 * carries all of it in one file. The same build gives the same bytes: no time is in it, and no folder of the machine.
 */
import * as fs from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { assetName, type Target } from "../contract.ts";
import { sha256Of } from "../crypto.ts";
import type { Elf } from "../elf/types.ts";
import { contractFailure, Failure, type Problem, printableJson } from "../errors.ts";
import { readSmall, readStart, writeText } from "../files.ts";
import { type Digest, digestFile } from "../hash.ts";
import { knob } from "../knobs.ts";
import { run } from "../process.ts";
import { type Build, type Buildinfo, parseBuildinfo } from "../release/buildinfo.ts";
import { HOST, RUSTS } from "../toolchain/recipes.ts";
import { isDebians, isMade, isRustups, type RustcVersion } from "../toolchain/rustc.ts";
import type { Stage0Command } from "./cargo.ts";
import type { Environment } from "./cargo-config.ts";
import { git } from "./git.ts";
import { sha256OfLock } from "./sources.ts";

/** What is known before cargo has built anything. */
export type Plan = Omit<Buildinfo, "builds"> & {
  build: Omit<Build, "size" | "sha256">;
  /** Absolute path of the folder with the target's standard library. */
  library: string | undefined;
};

/** What a build's surroundings change in its output; jobs and colours are not among it. */
const TELLING =
  /^(CARGO_PROFILE_.+|CARGO_TARGET_.+_LINKER|CARGO_INCREMENTAL|RUSTC(_.+)?|SOURCE_DATE_EPOCH|LIBCLANG_PATH|((BINDGEN_EXTRA_CLANG_ARGS|TARGET_CC|TARGET_CFLAGS|CC|CFLAGS|AR)(_.+)?))$/;

interface Known {
  command: Stage0Command;
  target: Target;
  version: RustcVersion | undefined;
  sysroot: string | undefined;
  /** What was set for build scripts: it names folders of the machine. */
  native: Environment;
}

/** What a build will have around it. What can't be known is null or empty. */
export async function planOf({ command, target, version, sysroot, native }: Known): Promise<Plan> {
  const { cargo, folder, env, prefixes, rustflags } = command;
  const hidden = (text: string): string =>
    prefixes.reduceRight((whole, { from, to }) => whole.replaceAll(from, to), text);
  const environment = Object.entries(env).filter(([name]) => TELLING.test(name) && native[name] === undefined);
  const [source, answer, installed] = await Promise.all([
    sourceOf(folder),
    run([cargo, "--version"], { cwd: folder, env }),
    isDebians(cargo) && !isMade(cargo) ? installedPackages() : {},
  ]);
  const { triple } = target;
  const library = native.LIBCLANG_PATH;
  const compiler = native[`CC_${triple.replaceAll("-", "_")}`];
  const clang =
    library === undefined
      ? compiler && basename(join(compiler, "..", "..")).slice(triple.length + 1)
      : basename(dirname(library));
  return {
    source,
    cargoLock: sha256OfLock(folder),
    build: {
      asset: assetName(triple),
      target: triple,
      profile: knob("PROFILE"),
      rustflags: rustflags.map(hidden),
      environment: Object.fromEntries(environment.sort().map(([name, value]) => [name, hidden(value)])),
      toolchain: {
        from: isMade(cargo) ? "Debian's packages" : isRustups(cargo) ? "rustup" : "this system",
        rustc: version?.lines ?? [],
        cargo: answer.stdout.trim(),
        std: null,
        comment: [],
        packages: isMade(cargo) ? packagesOf(cargo, sysroot ?? "") : installed,
        clang: clang ?? null,
      },
    },
    library: sysroot === undefined ? undefined : join(sysroot, "lib", "rustlib", triple, "lib"),
  };
}

/** The plan with what was built. @param before what an earlier build of the same asset left */
export function buildinfoOf(
  { build, library, ...plan }: Plan,
  fd: number,
  elf: Elf,
  { size, sha256 }: Digest,
  before: Build | undefined,
): Buildinfo {
  const { asset, target, toolchain, ...how } = build;
  // Of the same bytes by the same rustc it is known, and to read the library takes as long as cargo does for nothing.
  const isKnown = before?.sha256 === sha256 && `${before.toolchain.rustc}` === `${toolchain.rustc}`;
  const std = isKnown ? before.toolchain.std : stdDigest(library ?? "");
  return {
    ...plan,
    builds: [{ asset, target, size, sha256, ...how, toolchain: { ...toolchain, std, comment: commentIn(fd, elf) } }],
  };
}

/** Where a build leaves what it knows of an artifact: beside its log, as it is no artifact yet. */
const partOf = (artifact: string): string => join(dirname(artifact), "log", `${basename(artifact)}.buildinfo.json`);

export function writeBuildinfo(artifact: string, info: Buildinfo): void {
  writeText(partOf(artifact), `${printableJson(info)}\n`);
}

/** Removes what an earlier build left of an artifact that was not built here. */
export const removeBuildinfo = (artifact: string): void => fs.rmSync(partOf(artifact), { force: true });

/** What the build of an artifact left; undefined: nothing that can be read. */
export function buildBefore(artifact: string): Build | undefined {
  try {
    return readBuildinfo(artifact)?.builds[0];
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

/** What the build of an artifact left; undefined: it was not built here. @throws Failure (1) when it is none of ours */
export function readBuildinfo(artifact: string): Buildinfo | undefined {
  const part = partOf(artifact);
  return fs.existsSync(part) ? parseBuildinfo(readSmall(part).toString(), part) : undefined;
}

/** Far more than any compiler's name takes, in bytes. */
const COMMENT = 4096;

function commentIn(fd: number, elf: Elf): string[] {
  const section = elf.sections.find(({ name }) => name === ".comment");
  if (section === undefined) return [];
  const bytes = readStart(fd, Math.min(Number(section.size), COMMENT), Number(section.offset));
  return bytes
    .toString("latin1")
    .split("\0")
    .filter((text) => text !== "");
}

/** The commit that a folder is of, and where it is in the repository. */
async function sourceOf(folder: string): Promise<Buildinfo["source"]> {
  const asked = async (...args: string[]): Promise<string | undefined> => {
    const { exitCode, stdout } = await git(folder, ...args);
    return exitCode === 0 ? stdout : undefined;
  };
  const [head, changes] = await Promise.all([
    asked("rev-parse", "HEAD", "--show-toplevel"),
    asked("status", "--porcelain", "--untracked-files=no", "--ignore-submodules=untracked", "."),
  ]);
  const [commit, top] = head?.split("\n") ?? [];
  if (commit === undefined || !/^[0-9a-f]{40}$/.test(commit) || top === undefined) return null;
  return { commit, modified: changes !== "", folder: relative(top, fs.realpathSync(folder)) };
}

function stdDigest(folder: string): string | null {
  if (!fs.existsSync(folder)) return null;
  const names = fs.readdirSync(folder).filter((name) => name.endsWith(".rlib"));
  const lines = names.sort().map((name) => `${digestFile(join(folder, name)).sha256}  ${name}\n`);
  return sha256Of(lines.join(""));
}

/** Debian's packages of Rust that are installed, and their versions. */
async function installedPackages(): Promise<Record<string, string>> {
  const names = [...RUSTS.flatMap(({ rustc, cargo }) => [rustc, cargo]), "libstd-rust-dev"];
  const { stdout } = await run(["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n", ...names]);
  const lines = stdout.split("\n").map((line) => line.split(" "));
  return Object.fromEntries(
    lines.flatMap(([name = "", version = ""]) => (version === "" ? [] : [[name, version]])).sort(),
  );
}

/** The packages of a toolchain in the cache: the target's, and those of the compiler beside it. */
function packagesOf(cargo: string, sysroot: string): Record<string, string> {
  const hosts = join(sysroot, "lib", "rustlib", HOST?.triple ?? "");
  const compiler = fs.existsSync(hosts) ? join(fs.realpathSync(hosts), "..", "..", "..", "..") : "";
  const files = [compiler, join(dirname(cargo), "..")].map((folder) => join(folder, "packages.json"));
  const read = (file: string): Record<string, string> =>
    fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
  return Object.fromEntries(files.flatMap((file) => Object.entries(read(file))).sort());
}

/**
 * What the builds of a release's files left, as one.
 * @param digests of the files that are released, by their paths
 * @returns undefined when none of them was built here
 * @throws Failure (1) when a file has none, was changed since, or was built from other sources than the first
 */
export function joinBuildinfo(digests: ReadonlyMap<string, Digest>): Buildinfo | undefined {
  const problems: Problem[] = [];
  let whole: Buildinfo | undefined;
  const parts = [...digests].map(([path, digest]) => ({ path, digest, part: readBuildinfo(path) }));
  if (parts.every(({ part }) => part === undefined)) return undefined;
  for (const { path, digest, part } of parts) {
    const [build] = part?.builds ?? [];
    const of = (info: Buildinfo): string => `commit ${info.source?.commit ?? "none"}, Cargo.lock ${info.cargoLock}`;
    if (part === undefined || build === undefined) {
      problems.push({ file: path, what: "nothing says how it was built", got: "no file", expected: partOf(path) });
    } else if (build.sha256 !== digest.sha256) {
      problems.push({ file: path, what: "it is not what was built", expected: build.sha256, got: digest.sha256 });
    } else if (whole !== undefined && of(whole) !== of(part)) {
      problems.push({ file: path, what: "it was built from other sources", expected: of(whole), got: of(part) });
    } else whole = { ...part, builds: [...(whole?.builds ?? []), build] };
  }
  if (problems.length === 0) return whole;
  throw contractFailure(
    ...problems.map((problem) => ({ ...problem, fix: "build every release file again, at one commit" })),
  );
}
