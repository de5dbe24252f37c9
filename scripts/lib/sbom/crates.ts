/** The crates that stage0 is made of, by what cargo says of the release targets. */
import { join } from "node:path";
import { subBuildCargo } from "../build/cargo.ts";
import { askCargo } from "../build/metadata.ts";
import { lockText } from "../build/sources.ts";
import { stage0Toolchain } from "../build.ts";
import { PACKAGE, RELEASE_TARGETS } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import { knob } from "../knobs.ts";
import { at } from "../workspace.ts";

export interface Crate {
  /** cargo's own name for it, which no other has. */
  id: string;
  name: string;
  /** undefined: only of what the toolchain adds. */
  version: string | undefined;
  /** As its manifest has it; undefined: it has a file only, or nothing. */
  license: string | undefined;
  /** Absolute path of that file. */
  licenseFile: string | undefined;
  authors: string[];
  description: string | undefined;
  repository: string | undefined;
  /** "registry+…" or "git+…"; undefined: it is of the workspace. */
  source: string | undefined;
  /** sha256 of its package in the registry. */
  checksum: string | undefined;
  /** Absolute path of its manifest; undefined: it is no crate but a part of the toolchain. */
  manifest: string | undefined;
  /** Whether it becomes a part of stage0. The others run when it is built: build scripts, procedural macros. */
  isInside: boolean;
  /** Those that it uses, by their id. */
  needs: string[];
}

const RUNTIME_EDGES = "normal,no-proc-macro";
const ALL_EDGES = "normal,build";

/**
 * Every crate of stage0's builds for the release targets, with the features that these have. Nothing is downloaded when
 * cargo has all of them.
 * @param dir absolute path of the workspace
 * @throws Failure (3) when cargo can't tell
 */
export async function cratesOf(dir: string): Promise<Crate[]> {
  const manifest = ["--manifest-path", "stage0/Cargo.toml", "--locked"];
  const platforms = RELEASE_TARGETS.flatMap(({ triple }) => ["--filter-platform", triple]);
  const [cargo, said] = await metadataOf(dir, ["metadata", "--format-version=1", ...manifest, ...platforms]);
  const metadata = JSON.parse(said);
  const tree = async (edges: string): Promise<Set<string>> => {
    const trees = RELEASE_TARGETS.map(({ triple }) =>
      ask(cargo, dir, [
        ...["tree", ...manifest, "--package", PACKAGE, "--target", triple],
        ...["--edges", edges, "--prefix", "none", "--format", "{p}"],
      ]),
    );
    const lines = (await Promise.all(trees)).join("").split("\n");
    return new Set(lines.map((line) => line.split(" ", 2).join(" ")).filter((line) => line !== ""));
  };
  const [inside, all] = [await tree(RUNTIME_EDGES), await tree(ALL_EDGES)];
  const checksums = await lockedChecksums(dir);
  const needs = new Map(list(metadata, "resolve", "nodes").map((node) => [text(node, "id"), dependencies(node)]));
  const key = (entry: unknown): string => `${text(entry, "name")} v${text(entry, "version")}`;
  const entries = list(metadata, "packages").filter((entry) => all.has(key(entry)));
  const ids = new Set(entries.map((entry) => text(entry, "id")));
  const crates = entries.map((entry): Crate => {
    const [id = "", manifestPath = ""] = [text(entry, "id"), text(entry, "manifest_path")];
    const file = text(entry, "license_file");
    const [name = "", version = "", source] = ["name", "version", "source"].map((field) => text(entry, field));
    return {
      ...{ id, name, version, source },
      license: text(entry, "license"),
      licenseFile: file === undefined ? undefined : join(manifestPath, "..", file),
      authors: list(entry, "authors").filter((author) => typeof author === "string"),
      description: text(entry, "description"),
      repository: text(entry, "repository"),
      checksum: checksums.get(`${name} ${version} ${source}`),
      manifest: manifestPath,
      isInside: inside.has(key(entry)),
      needs: (needs.get(id) ?? []).filter((other) => ids.has(other)),
    };
  });
  const order = ({ name, version, id }: Crate): string => `${name} ${version} ${id}`;
  return crates.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

const text = (table: unknown, key: string): string | undefined => {
  const value = at(table, key);
  return typeof value === "string" ? value : undefined;
};
const list = (table: unknown, ...keys: string[]): unknown[] => {
  const value = at(table, ...keys);
  return Array.isArray(value) ? value : [];
};

/** What a crate uses, but for its tests. */
const dependencies = (node: unknown): string[] =>
  list(node, "deps")
    .filter((dep) => list(dep, "dep_kinds").some((kind) => at(kind, "kind") !== "dev"))
    .map((dep) => text(dep, "pkg") ?? "");

/** The registry's digests of packages, by "name version source". */
async function lockedChecksums(dir: string): Promise<Map<string, string>> {
  const { parse } = await import("smol-toml");
  const packages = list(parse(lockText(dir)), "package");
  return new Map(
    packages.flatMap((entry): [string, string][] => {
      const checksum = text(entry, "checksum");
      const key = ["name", "version", "source"].map((field) => text(entry, field)).join(" ");
      return checksum === undefined ? [] : [[key, checksum]];
    }),
  );
}

/** What a cargo prints. @throws Failure (3) when it can't tell */
async function ask(program: string, folder: string, args: string[]): Promise<string> {
  const result = await askCargo(program, folder, args);
  if (result.exitCode === 0) return result.stdout;
  throw missingFailure({
    what: "cargo does not tell what stage0 is made of",
    got: printable(result.stderr.trim().split("\n").slice(0, 12).join("\n")),
    file: printable(folder),
    fix: "make stage0 has to work first; it leaves the crates where cargo finds them without network",
  });
}

/** The cargo that can read the workspace: the one at hand, else the one that builds stage0; and what it says. */
async function metadataOf(folder: string, args: string[]): Promise<[program: string, text: string]> {
  const program = subBuildCargo();
  try {
    return [program, await ask(program, folder, args)];
  } catch (error) {
    const [target] = RELEASE_TARGETS;
    const other =
      target === undefined || knob("FASTBOOP_STAGE0_OFFLINE") ? program : (await stage0Toolchain(target)).cargo;
    if (other === program) throw error;
    return [other, await ask(other, folder, args)];
  }
}
