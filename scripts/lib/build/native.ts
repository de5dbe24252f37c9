/**
 * What build scripts of stage0's dependencies need beside Rust: libclang and rustfmt for bindgen, a C compiler, headers of
 * the target. It is handed on by the variables that bindgen and the crate cc read for a target, unless the user set them.
 */
import { dirname, join } from "node:path";
import { PACKAGE, type Target } from "../contract.ts";
import { hasApt } from "../debian.ts";
import { Failure, type Problem } from "../errors.ts";
import { run } from "../process.ts";
import { shellQuote } from "../shell-quote.ts";
import { recipeOf } from "../toolchain/recipes.ts";
import { isRustups } from "../toolchain/rustc.ts";
import { findProgram, installFix, isExecutable } from "../tools.ts";
import type { CargoCommand } from "./cargo.ts";
import type { Environment } from "./cargo-config.ts";
import { cargoTree } from "./git-checkouts.ts";
import { hasGitSource, lockText } from "./sources.ts";

/** Crates that build scripts use, and that need more than Rust. */
const BINDGEN = "bindgen";
const CC = "cc";

/**
 * What cargo's environment needs in addition, by what the packages of the build are.
 * @param also targets that will be built next
 * @param prefixes folders and their names in the executable, for what C code has of its own paths
 * @throws Failure (3) with all that is missing
 */
export async function nativeSettings(
  command: CargoCommand,
  target: Target,
  also: readonly Target[],
  prefixes: readonly { from: string; to: string }[],
): Promise<Environment> {
  const lock = lockText(command.folder);
  const mayNeed = [BINDGEN, CC].some((name) => lock.includes(`\nname = "${name}"\n`));
  if (!mayNeed && !(hasGitSource(lock) && command.env.CARGO_NET_GIT_FETCH_WITH_CLI === "true")) return {};
  const packages = await packagesOf(command, target);
  const [bindgen, cc] = [packages.has(BINDGEN), packages.has(CC)];
  const { triple } = target;
  const given = (...names: string[]): boolean => names.some((name) => command.env[name] !== undefined);
  const under = triple.replaceAll("-", "_");
  const wants = {
    libclang: bindgen && !given("LIBCLANG_PATH"),
    headers:
      bindgen &&
      !given(`BINDGEN_EXTRA_CLANG_ARGS_${triple}`, `BINDGEN_EXTRA_CLANG_ARGS_${under}`, "BINDGEN_EXTRA_CLANG_ARGS"),
    compiler: cc && !given(`CC_${triple}`, `CC_${under}`, "TARGET_CC"),
    flags: cc && !given(`CFLAGS_${triple}`, `CFLAGS_${under}`, "TARGET_CFLAGS"),
  };
  const problems: Problem[] = [];
  if (bindgen && !(await hasRustfmt(command))) problems.push(missing("rustfmt", command.cargo));
  const recipe = hasApt() ? recipeOf(triple) : undefined;
  if (recipe === undefined) {
    if (wants.libclang && findProgram("clang") === undefined) problems.push(missing("clang"));
    const gcc = recipeOf(triple)?.musl;
    if (wants.compiler && gcc !== undefined && findProgram(`${gcc}-gcc`) === undefined) {
      problems.push({
        what: `no C compiler for ${triple}`,
        expected: `${gcc}-gcc on PATH, or CC_${under}, for C code in a build script`,
        fix: installFix(["musl-gcc"]),
      });
    }
  }
  if (problems.length > 0) throw new Failure(3, ...problems);
  if (recipe === undefined || !Object.values(wants).includes(true)) return {};

  const { provideClang } = await import("../toolchain/clang.ts");
  const clang = await provideClang([recipe, ...also.flatMap((one) => recipeOf(one.triple) ?? [])]);
  const maps = prefixes.map(({ from, to }) => `-ffile-prefix-map=${from}=${to}`);
  const quoted = maps.some((flag) => /\s/.test(flag));
  return {
    ...(wants.libclang ? { LIBCLANG_PATH: clang.libclang } : {}),
    ...(wants.headers ? { [`BINDGEN_EXTRA_CLANG_ARGS_${under}`]: shellQuote(`--sysroot=${clang.sysroot}`) } : {}),
    ...(wants.compiler ? { [`CC_${under}`]: clang.compiler } : {}),
    ...(wants.flags ? { [`CFLAGS_${under}`]: maps.map((flag) => (quoted ? shellQuote(flag) : flag)).join(" ") } : {}),
    ...(wants.flags && quoted ? { CC_SHELL_ESCAPED_FLAGS: "1" } : {}),
  };
}

const missing = (program: "clang" | "rustfmt", cargo = ""): Problem => ({
  what: `${program} is not there, or does not start`,
  expected: `${program}, for bindgen in a build script`,
  fix: isRustups(cargo) ? `run rustup component add ${program}` : installFix([program]),
});

/** Whether the rustfmt that a build script would find starts: rustup's proxy is there without it. */
async function hasRustfmt({ cargo, env, folder }: CargoCommand): Promise<boolean> {
  const near = join(dirname(cargo), "rustfmt");
  const program = env.RUSTFMT || (isExecutable(near) ? near : "rustfmt");
  return (await run([program, "--version"], { cwd: folder, env })).exitCode === 0;
}

/** Names of the packages that cargo builds for stage0, for the target and for this machine; none when cargo can't tell. */
async function packagesOf(command: CargoCommand, target: Target): Promise<Set<string>> {
  const selection = ["--manifest-path", "stage0/Cargo.toml", "--package", PACKAGE, "--target", target.triple];
  return new Set((await cargoTree(command, selection)).map((line) => line.split(" ")[0] ?? ""));
}
