/**
 * What the user's cargo configuration says about a target: the files that cargo itself would read (The Cargo Book,
 * "Configuration"), since stable cargo does not print what it made of them.
 */
import { existsSync, realpathSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Target } from "../contract.ts";
import { cargoHome } from "../paths.ts";
import { at, readToml } from "../workspace.ts";
import { matchesCfg } from "./cargo-cfg.ts";
import { type Prefix, remapFlags, sourcePrefixes } from "./remap.ts";

export type Environment = Record<string, string>;

interface TargetConfig {
  /** Whether a linker is named for the target. */
  linker: boolean;
  /** The target's own flags for rustc: while there is one, cargo ignores the build's. */
  targetFlags: string[];
  /** The flags for every target. */
  buildFlags: string[];
}

/** A table of our own: in the target's, cargo would refuse to join our list with flags that the user wrote as one text. */
const EVERY_TARGET = "cfg(all(unix))";
const CRT_STATIC = ["-C", "target-feature=+crt-static"];
/** Both files of a build, stripped or not, carry the digest of its contents. */
const BUILD_ID = ["-C", "link-arg=--build-id=sha1"];

/**
 * Linker and rustc's flags: the target's own, `+crt-static`, and those that give the same bytes in any folder. cargo takes
 * flags from the first of these places that has any, and from no other: CARGO_ENCODED_RUSTFLAGS, RUSTFLAGS, the target's
 * configuration, the build's. So ours go where the user's are.
 * @param targetDir absolute path of cargo's target folder
 * @param env what cargo will get
 * @param std the standard library's sources, and their name in the executable
 * @returns arguments for cargo, variables to set in its environment, the folders that get other names, and all of rustc's
 *   flags but those that do this
 */
export async function targetSettings(
  workspace: string,
  target: Target,
  targetDir: string,
  env: Environment,
  std?: Prefix,
): Promise<{ args: string[]; set: Environment; prefixes: Prefix[]; rustflags: string[] }> {
  // cargo knows the folder that it runs in by its real path, and looks above that.
  const folder = realpathSync(workspace);
  const home = cargoHome(folder);
  const config = await readConfig(folder, home, target);
  const prefix = `CARGO_TARGET_${target.triple.toUpperCase().replaceAll("-", "_")}`;
  const set: Environment = {};
  if (target.linker !== undefined && !config.linker && !env[`${prefix}_LINKER`]) {
    set[`${prefix}_LINKER`] = target.linker;
  }
  const prefixes = sourcePrefixes({ workspace, cargoHome: home, targetDir }, std);
  const remap = remapFlags(prefixes);
  const but = (flags: string[]): string[] => flags.filter((flag) => !remap.includes(flag));
  const own = [
    ...(target.rustflags ?? []),
    ...remap,
    // A linker that the user names may be a compiler, which takes linkers' arguments in another form.
    ...(set[`${prefix}_LINKER`] === undefined ? [] : BUILD_ID),
    ...CRT_STATIC,
  ];
  // Set but empty counts too: to cargo it means no flags from elsewhere.
  if (env.CARGO_ENCODED_RUSTFLAGS !== undefined) {
    const flags = env.CARGO_ENCODED_RUSTFLAGS.split("\x1f").filter((flag) => flag !== "");
    set.CARGO_ENCODED_RUSTFLAGS = [...flags, ...own].join("\x1f");
    return { args: [], set, prefixes, rustflags: but([...flags, ...own]) };
  }
  if (env.RUSTFLAGS !== undefined) {
    // RUSTFLAGS is split at spaces, which a folder's name may hold.
    const [name, separator] = own.some((flag) => /\s/.test(flag))
      ? (["CARGO_ENCODED_RUSTFLAGS", "\x1f"] as const)
      : (["RUSTFLAGS", " "] as const);
    const flags = [...flagList(env.RUSTFLAGS), ...own];
    set[name] = flags.join(separator);
    return { args: [], set, prefixes, rustflags: but(flags) };
  }
  const ofTarget = [...config.targetFlags, ...flagList(env[`${prefix}_RUSTFLAGS`])];
  const ofBuild = [...config.buildFlags, ...flagList(env.CARGO_BUILD_RUSTFLAGS)];
  // The build's flags, which cargo skips once the target has any, have to come along.
  const flags = [...(ofTarget.length > 0 ? [] : ofBuild), ...own];
  const args = ["--config", `target."${EVERY_TARGET}".rustflags=${tomlList(flags)}`];
  return { args, set, prefixes, rustflags: but([...ofTarget, ...flags]) };
}

/** JSON's strings are TOML's, but for the one control character that JSON leaves as it is. */
const tomlList = (texts: string[]): string => JSON.stringify(texts).replaceAll("\x7f", "\\u007f");

/**
 * The configuration that cargo finds when it runs in a folder.
 * @param folder absolute
 * @param cargoHome absolute; its configuration counts least
 * @throws Failure (2) when a file is not TOML
 */
async function readConfig(folder: string, cargoHome: string, target: Target): Promise<TargetConfig> {
  const result: TargetConfig = { linker: false, targetFlags: [], buildFlags: [] };
  for (const file of configFiles(folder, cargoHome)) await takeFile(file, target, result, []);
  return result;
}

/** The files, those that count least first, as cargo joins lists in this order. */
function configFiles(folder: string, cargoHome: string): string[] {
  const files: string[] = [];
  const take = (dir: string): void => {
    const file = [join(dir, "config"), join(dir, "config.toml")].find((path) => existsSync(path));
    if (file !== undefined && !files.includes(file)) files.unshift(file);
  };
  for (let dir = folder; ; dir = dirname(dir)) {
    take(join(dir, ".cargo"));
    if (dir === dirname(dir)) break;
  }
  take(cargoHome);
  return files;
}

async function takeFile(file: string, target: Target, result: TargetConfig, including: string[]): Promise<void> {
  const config = await readToml(file);
  if (!including.includes(file)) {
    for (const path of includes(config)) {
      await takeFile(resolve(dirname(file), path), target, result, [...including, file]);
    }
  }
  const tables = Object.entries(at(config, "target") ?? {}).filter(
    ([name]) => name === target.triple || matchesCfg(name, target),
  );
  for (const [, table] of tables) {
    result.linker ||= at(table, "linker") !== undefined;
    result.targetFlags.push(...flagList(at(table, "rustflags")));
  }
  result.buildFlags.push(...flagList(at(config, "build", "rustflags")));
}

/** `include`: a path, or a list of paths and of tables with a path. */
function includes(config: Record<string, unknown>): string[] {
  const entries = [config.include ?? []].flat();
  return entries.map((entry) => (typeof entry === "string" ? entry : at(entry, "path"))).filter(isText);
}

const isText = (value: unknown): value is string => typeof value === "string";

/** cargo takes a list, or a text that it splits at spaces. */
function flagList(value: unknown): string[] {
  return isText(value) ? value.split(/\s+/).filter((flag) => flag !== "") : [value ?? []].flat().filter(isText);
}
