/** Flags by which an executable names its sources by their place in the project, not on the machine that built it. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";

/** Absolute folders that rustc may write into an executable. */
interface SourceFolders {
  workspace: string;
  /** Sources of registry and git dependencies are below it. */
  cargoHome: string;
  /** Build scripts write generated sources (OUT_DIR) below it. */
  targetDir: string;
}

/** What the folders are called in the executable. */
const NAMES: Record<keyof SourceFolders, string> = {
  workspace: "/workspace",
  cargoHome: "/cargo",
  targetDir: "/workspace/target",
};

/** A folder, and what it is called in the executable. */
export interface Prefix {
  from: string;
  to: string;
}

/** The folders as compilers may name them, and the standard library's. What lies inside another folder comes after it. */
export function sourcePrefixes(folders: SourceFolders, std?: Prefix): Prefix[] {
  const named = (Object.keys(NAMES) as (keyof SourceFolders)[]).map((kind) => ({
    from: folders[kind],
    to: NAMES[kind],
  }));
  const prefixes = [...named, ...(std === undefined ? [] : [std])].flatMap(({ from, to }) => {
    // cargo names a folder as it was given, or by its real path.
    const real = existsSync(from) ? realpathSync(from) : from;
    return [...new Set([from, real])].map((path) => ({ from: path, to }));
  });
  return prefixes.sort((a, b) => a.from.length - b.from.length);
}

/**
 * The standard library's sources, where rustc finds them beside it (rustup's component rust-src): it then names them in what
 * it takes of the library, where otherwise their place in Rust's own repository stands.
 */
export const stdPrefix = (sysroot: string, commit: string): Prefix => ({
  from: join(sysroot, "lib", "rustlib", "src", "rust"),
  to: `/rustc/${commit}`,
});

/**
 * rustc's flags that give the same bytes in any folder (The rustc book, "--remap-path-prefix"). rustc takes the last prefix
 * that fits.
 */
export const remapFlags = (prefixes: readonly Prefix[]): string[] =>
  prefixes.map(({ from, to }) => `--remap-path-prefix=${from}=${to}`);
