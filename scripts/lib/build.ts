/** stage0 from a prebuilt file or from the nested sub-build (specification, "Embed Modes"), into the folder of artifacts. */
import { join } from "node:path";
import type { Candidate } from "./build/artifact.ts";
import { buildBefore, buildinfoOf, type Plan, planOf, removeBuildinfo, writeBuildinfo } from "./build/buildinfo.ts";
import {
  type CargoCommand,
  executablesIn,
  nestedEnvironment,
  shellLine,
  stage0Command,
  subBuildCargo,
  withSet,
} from "./build/cargo.ts";
import { runCargo } from "./build/cargo-run.ts";
import { checkWorkspace } from "./build/check.ts";
import { cargoTree } from "./build/git-checkouts.ts";
import { nativeSettings } from "./build/native.ts";
import { type Prefix, stdPrefix } from "./build/remap.ts";
import { checkSources, hasGitSource, lockText } from "./build/sources.ts";
import { advice, troubleIn } from "./build/trouble.ts";
import { assetName, PACKAGE, type Target } from "./contract.ts";
import { EMBED_PATH } from "./embed-path.ts";
import { missingFailure, printable } from "./errors.ts";
import { checkWritable, writeText } from "./files.ts";
import { CACHE_KNOBS, environment, type KnobName, knob } from "./knobs.ts";
import { bold, say, size } from "./log.ts";
import { distDir, fromCaller } from "./paths.ts";
import { checkRust } from "./toolchain/rust-version.ts";
import { isDebians } from "./toolchain/rustc.ts";
import { ensureToolchain, type Toolchain } from "./toolchain.ts";
import { findWorkspace } from "./workspace.ts";

/** What a build of stage0 reads of the environment. */
export const BUILD_KNOBS: readonly KnobName[] = [
  "TARGET",
  "FASTBOOP_STAGE0_TARGET",
  "PROFILE",
  "WORKSPACE",
  "DIST",
  "FASTBOOP_STAGE0_EMBED_PATH",
  "FASTBOOP_STAGE0_CARGO",
  "CARGO",
  "CARGO_TARGET_DIR",
  "FASTBOOP_STAGE0_TOOLCHAIN",
  "CARGO_HOME",
  "CARGO_CFG_TARGET_ARCH",
  "GITHUB_ENV",
  "GITHUB_OUTPUT",
  ...CACHE_KNOBS,
];

/**
 * Leaves stage0 for a target in the folder of artifacts. What is there stays as it is unless all goes well. What was built
 * here is stripped; the whole executable, of the same build id, is kept in debug/ there, to read back traces with.
 * @param also targets that will be built next
 * @param toolchain what stage0Toolchain returned for the target, when it was asked before
 * @returns absolute path of the artifact
 * @throws Failure (1, 2 or 3)
 */
export async function buildStage0(target: Target, also: readonly Target[], toolchain?: Toolchain): Promise<string> {
  const artifact = join(distDir(), assetName(target.triple));
  const given = knob(EMBED_PATH);
  // What is needed last is loaded while rustc and cargo are at work.
  const [{ plan, ...candidate }, { place, placeStripped, withStage0 }, { linkageOf }] = await Promise.all([
    given === undefined ? subBuild(target, also, toolchain) : prebuilt(fromCaller(given), artifact),
    import("./build/artifact.ts"),
    import("./gate/layout.ts"),
  ]);
  const { linkage, changed, ...digest } = withStage0(candidate, target, (fd, elf) => {
    if (plan === undefined) {
      const placed = place(fd, artifact);
      removeBuildinfo(artifact);
      return { linkage: linkageOf(elf), ...placed };
    }
    const placed = placeStripped(fd, elf, artifact, join(distDir(), "debug", assetName(target.triple)));
    writeBuildinfo(artifact, buildinfoOf(plan, fd, elf, placed, buildBefore(artifact)));
    return { linkage: linkageOf(elf), ...placed };
  });
  say(
    `${bold(assetName(target.triple))}: ${size(digest.size)}, ${linkage ?? "no executable"}${changed ? "" : ", unchanged"}`,
  );
  say(`sha256 ${digest.sha256}`);
  return artifact;
}

/** A file, and how it was built when that was here. */
type Built = Candidate & { plan?: Plan };

function prebuilt(path: string, artifact: string): Built {
  say(
    path === artifact
      ? `${EMBED_PATH} is the artifact itself, so nothing is built; unset it to build`
      : `takes ${EMBED_PATH}: ${printable(path)}`,
  );
  return { path, name: EMBED_PATH, fix: `set ${EMBED_PATH} to a stage0 for the target, or unset it to build one` };
}

/**
 * The toolchain that can build stage0 for a target, after everything is checked that can be before.
 * @param also targets that will be built next
 * @throws Failure (2 or 3)
 */
export async function stage0Toolchain(target: Target, also: readonly Target[] = []): Promise<Toolchain> {
  const workspace = findWorkspace();
  const { dir } = workspace;
  if (workspace.origin === "example")
    say(`no stage0/Cargo.toml at or above your folder: builds the example, ${printable(dir)}`);
  // A toolchain may take minutes and 200 MB to make, so whatever else can be wrong is found before.
  const cargo = subBuildCargo();
  await checkWorkspace(dir);
  const choice = knob("FASTBOOP_STAGE0_TOOLCHAIN");
  await checkSources(dir, choice === "debian" || isDebians(cargo));
  await plan(dir, target, cargo);
  checkWritable(distDir());
  return ensureToolchain({ cargo, target, choice, folder: dir, also });
}

const plan = (dir: string, target: Target, cargo: string, std?: Prefix) =>
  stage0Command(dir, target, knob("PROFILE"), cargo, nestedEnvironment(environment()), std);

async function subBuild(target: Target, also: readonly Target[], toolchain?: Toolchain): Promise<Built> {
  const { cargo, rustc } = toolchain ?? (await stage0Toolchain(target, also));
  const { sysroot, version } = rustc;
  const { dir } = findWorkspace();
  if (version !== undefined) await checkRust(dir, version.release);
  const std = sysroot === undefined || version?.commit === undefined ? undefined : stdPrefix(sysroot, version.commit);
  const planned = await withGit(await plan(dir, target, cargo, std));
  const native = await nativeSettings(planned, target, also, planned.prefixes);
  const command = withSet(planned, native);
  const [[path], known] = await Promise.all([
    runLogged(command, [PACKAGE], `stage0-${target.triple}`),
    planOf({ command, target, version, sysroot, native }),
  ]);
  return {
    path,
    plan: known,
    name: "cargo's executable",
    fix: `read what cargo did: ${printable(shellLine(command))}`,
  };
}

/**
 * The command with what a cargo of Debian's needs for git dependencies.
 * @param selection cargo's arguments that say which package is built, whose sources are got at once; absent: they are later
 * @throws Failure (3) when there is no git
 */
export async function withGit<C extends CargoCommand>(command: C, selection?: readonly string[]): Promise<C> {
  const { cargo, folder, env } = command;
  if (!isDebians(cargo) || !hasGitSource(lockText(folder))) return command;
  await checkSources(folder, true);
  // Its libgit2 is older than it takes it for.
  const name = "CARGO_NET_GIT_FETCH_WITH_CLI";
  const ready = withSet(command, { [name]: env[name] ?? "true" });
  if (selection !== undefined) await cargoTree(ready, selection);
  return ready;
}

/**
 * Runs cargo and keeps its log in `log/<name>.log` in the folder of artifacts.
 * @returns paths of the executables that it built of these names: at least one
 * @throws Failure (3) when cargo fails or names no executable, with its last errors
 */
export async function runLogged(
  command: CargoCommand,
  binaries: readonly string[],
  name: string,
): Promise<[string, ...string[]]> {
  const file = join(distDir(), "log", `${name}.log`);
  const line = shellLine(command);
  const { trouble, messages, log } = await runCargo(command);
  writeText(file, `+ ${line}\n${log}`);
  const [first, ...others] = trouble === undefined ? executablesIn(messages, binaries) : [];
  if (first !== undefined) return [first, ...others];
  say(`command: ${printable(line)}`);
  say(`log: ${printable(file)}`);
  throw missingFailure({
    ...troubleIn(log, trouble),
    ...(trouble === undefined ? { what: `cargo built no executable ${binaries.map(printable).join(" or ")}` } : {}),
    fix: advice(log, file),
  });
}
