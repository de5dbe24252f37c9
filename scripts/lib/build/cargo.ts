/** The cargo command line of the nested sub-build (specification, "Embed Modes"), its environment and its messages. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { PACKAGE, type Target } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import { environment, knob } from "../knobs.ts";
import { fromCaller } from "../paths.ts";
import { shellQuote } from "../shell-quote.ts";
import { installFix, isExecutable } from "../tools.ts";
import { at, parseJson } from "../workspace.ts";
import { type Environment, targetSettings } from "./cargo-config.ts";
import type { Prefix } from "./remap.ts";

export interface CargoCommand {
  /** Absolute path, or a name on PATH. */
  cargo: string;
  args: string[];
  /** Absolute path of the folder that it runs in: cargo looks for its configuration there and above. */
  folder: string;
  env: Environment;
  /** What of env was set for this build, for those who want to repeat it. */
  set: Environment;
}

export interface Stage0Command extends CargoCommand {
  /** Folders that get other names in the executable. */
  prefixes: Prefix[];
  /** All of rustc's flags but those that rename folders. */
  rustflags: string[];
}

/** What a make or a cargo around us says to its own children: a job server that we don't hand on, and make's caller. */
const OF_OUTER_RUN = /^(CARGO_MAKEFLAGS|MAKEFLAGS|MFLAGS|MAKELEVEL|CALLER_DIR)$/;
/**
 * What cargo sets for a build script (The Cargo Book, "Environment variables"). The flags and wrappers are those of the
 * outer build's target and toolchain, the rest would look to our own dependencies' build scripts as if meant for them.
 */
const OF_OUTER_CARGO =
  /^(CARGO_(ENCODED_RUSTFLAGS|MANIFEST_.+|PKG_.+|CFG_.+|FEATURE_.+|PRIMARY_PACKAGE)|DEP_.+|RUSTC|RUSTDOC|RUSTC_(WORKSPACE_)?WRAPPER|RUSTC_LINKER|OUT_DIR|TARGET|HOST|PROFILE|DEBUG|OPT_LEVEL|NUM_JOBS)$/;

/**
 * The environment without what an outer make or cargo left in it.
 * @param inBuildScript whether the outer cargo runs us as a build script, to which it hands much more
 */
export function nestedEnvironment(
  outer: Environment,
  inBuildScript = knob("CARGO_CFG_TARGET_ARCH") !== undefined,
): Environment {
  return Object.fromEntries(
    Object.entries(outer).filter(([name]) => !OF_OUTER_RUN.test(name) && !(inBuildScript && OF_OUTER_CARGO.test(name))),
  );
}

/**
 * The cargo that the sub-build begins from. Who wants Debian's toolchain needs none: it brings its own.
 * @throws Failure (3) when it does not exist or can't be executed
 */
export const subBuildCargo = (): string =>
  knob("FASTBOOP_STAGE0_TOOLCHAIN") === "debian" ? "cargo" : chosenCargo("FASTBOOP_STAGE0_CARGO", "CARGO");

/**
 * The cargo that the user chose: FASTBOOP_STAGE0_CARGO, else CARGO, else cargo on PATH.
 * @param names knobs that may name one, the first that is set wins
 * @throws Failure (3) when it does not exist or can't be executed
 */
export function chosenCargo(...names: ("FASTBOOP_STAGE0_CARGO" | "CARGO")[]): string {
  const named = { FASTBOOP_STAGE0_CARGO: knob("FASTBOOP_STAGE0_CARGO"), CARGO: knob("CARGO") };
  const name = names.find((candidate) => named[candidate] !== undefined);
  const given = (name && named[name]) ?? "cargo";
  const folders = given.includes("/") ? [""] : (environment().PATH ?? "").split(":");
  const places = folders.map((folder) => fromCaller(join(folder, given)));
  // Not zx's which: its import would delay the question to rustc, which takes as long and can run beside it.
  const found = places.find(isExecutable);
  if (found !== undefined) return found;
  throw missingFailure({
    what: places.some((place) => existsSync(place)) ? "cargo is not an executable file" : "cargo does not exist",
    expected: "cargo, Rust's build tool",
    got: name === undefined ? "none on PATH" : `${name}="${printable(given)}"`,
    fix: `${installFix(["cargo"])}; or set FASTBOOP_STAGE0_CARGO, or FASTBOOP_STAGE0_EMBED_PATH to a prebuilt stage0`,
  });
}

/**
 * The command that builds stage0 for a target, statically, with every flag kept that cargo would have given to rustc.
 * @param workspace absolute path
 * @param cargo absolute path
 * @param env the environment to start from, without an outer cargo's part
 * @param std the standard library's sources, and their name in the executable
 */
export async function stage0Command(
  workspace: string,
  target: Target,
  profile: "release" | "debug",
  cargo: string,
  env: Environment,
  std?: Prefix,
): Promise<Stage0Command> {
  // Below the usual folder, where cargo clean reaches it, yet not that folder itself: an outer cargo holds its lock.
  const targetDir = resolve(fromCaller(knob("CARGO_TARGET_DIR") ?? join(workspace, "target")), "stage0-distribution");
  const settings = await targetSettings(workspace, target, targetDir, env, std);
  const { args: configArgs, set, prefixes, rustflags } = settings;
  const command = cargoCommand({
    cargo,
    folder: workspace,
    args: [
      ...["--manifest-path", "stage0/Cargo.toml", "--package", PACKAGE, "--target", target.triple],
      ...["--target-dir", targetDir, ...configArgs],
    ],
    profile,
    env,
    // What makes a back trace readable is kept beside the artifact, so it is not the linker that strips.
    set: { ...set, [`CARGO_PROFILE_${profile === "release" ? "RELEASE" : "DEV"}_STRIP`]: "false" },
  });
  return { ...command, prefixes, rustflags };
}

/** A `cargo build` that prints its messages as JSON and leaves the lock file alone. */
export function cargoCommand(request: CargoCommand & { profile: "release" | "debug" }): CargoCommand {
  const { cargo, folder, set, profile, env } = request;
  return {
    cargo,
    folder,
    set,
    env: { ...env, ...set },
    args: [
      "build",
      ...request.args,
      "--locked",
      ...(profile === "release" ? ["--release"] : []),
      "--message-format=json-render-diagnostics",
    ],
  };
}

/** A command with more variables set. */
export const withSet = <C extends CargoCommand>(command: C, more: Environment): C => ({
  ...command,
  set: { ...command.set, ...more },
  env: { ...command.env, ...more },
});

/** The command as sh reads it, for a person to repeat. */
export function shellLine({ cargo, args, folder, set }: CargoCommand): string {
  const plain = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word));
  const assignments = Object.entries(set).map(([name, value]) => `${name}=${plain(value)}`);
  return [`cd ${plain(folder)} &&`, ...assignments, plain(cargo), ...args.map(plain)].join(" ");
}

/** The executables that cargo's JSON messages name for a package's binaries, in the order in which they were built. */
export function executablesIn(messages: string, binaries: readonly string[]): string[] {
  // A cargo that is a wrapper script may say something of its own.
  const lines = messages.split("\n").filter((text) => text.startsWith("{"));
  const artifacts = lines.map(parseJson).filter((message) => binaries.includes(String(at(message, "target", "name"))));
  return artifacts.map((message) => at(message, "executable")).filter((path) => typeof path === "string");
}
