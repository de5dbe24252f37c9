/** Flags by which an executable names its sources by their place in the project, not on the machine that built it. */
import { existsSync, realpathSync } from "node:fs";

/** Absolute folders that rustc may write into an executable. */
export interface SourceFolders {
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

/** The folders as compilers may name them. What lies inside another folder comes after it. */
export function sourcePrefixes(folders: SourceFolders): Prefix[] {
  const prefixes = (Object.keys(NAMES) as (keyof SourceFolders)[]).flatMap((kind) => {
    const folder = folders[kind];
    // cargo names a folder as it was given, or by its real path.
    const real = existsSync(folder) ? realpathSync(folder) : folder;
    return [...new Set([folder, real])].map((from) => ({ from, to: NAMES[kind] }));
  });
  return prefixes.sort((a, b) => a.from.length - b.from.length);
}

/**
 * rustc's flags that give the same bytes in any folder (The rustc book, "--remap-path-prefix"). rustc takes the last prefix
 * that fits.
 */
export const remapFlags = (prefixes: readonly Prefix[]): string[] =>
  prefixes.map(({ from, to }) => `--remap-path-prefix=${from}=${to}`);
