/** Where things are: the project, the caller, the output folder, the cache. */
import { tmpdir, userInfo } from "node:os";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { missingFailure } from "./errors.ts";
import { knob } from "./knobs.ts";

/** Root folder of this project. */
export const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const EXAMPLE_WORKSPACE = join(PROJECT, "test", "workspace");

/** The folder in which the user typed the command: make changes into the project, so the Makefile hands it on. */
export const callerDir = (): string => knob("CALLER_DIR") ?? process.cwd();

/** A path that the user gave, absolute: relative ones count from the caller's folder. */
export const fromCaller = (path: string): string => resolve(callerDir(), path);

/** A path as the user would write it: from the caller's folder when it is below that. */
export function toCaller(path: string): string {
  const near = relative(callerDir(), path);
  return near.startsWith("..") ? path : near;
}

/** The folder of artifacts: DIST from the caller's folder, else the project's dist. */
export function distDir(): string {
  const given = knob("DIST");
  return given === undefined ? join(PROJECT, "dist") : fromCaller(given);
}

/** A folder of the cache that survives clones, by the XDG base directory specification. */
export function cacheDir(...parts: string[]): string {
  const given = knob("FASTBOOP_STAGE0_CACHE");
  if (given !== undefined) return join(fromCaller(given), ...parts);
  const xdg = knob("XDG_CACHE_HOME");
  // The specification has a relative path ignored.
  const home = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeDir(), ".cache");
  return join(home, "stage0-distribution", ...parts);
}

/** The user's home folder: HOME, else what the system's list of users says. @throws Failure (3) when neither names one */
export function homeDir(): string {
  try {
    // Not homedir(), to which an empty HOME is this folder.
    const home = knob("HOME") ?? userInfo().homedir;
    if (isAbsolute(home)) return home;
  } catch {
    // A number without a name has no home, in a container say.
  }
  throw missingFailure({
    what: "there is no home folder",
    expected: "a whole path in HOME, or this user in the system's list",
    fix: "set HOME, or FASTBOOP_STAGE0_CACHE for the cache alone",
  });
}

/** cargo's home folder. @param folder that cargo runs in */
export const cargoHome = (folder: string): string => resolve(folder, knob("CARGO_HOME") ?? join(homeDir(), ".cargo"));

function outFolder(): string | undefined {
  const out = knob("OUT");
  return out === undefined ? undefined : dirname(fromCaller(out));
}

/** The variable that says in which folder a path lies; undefined when none does. */
export function folderKnob(path: string): string | undefined {
  const folders: Record<string, () => string | undefined> = {
    DIST: distDir,
    FASTBOOP_STAGE0_CACHE: () => cacheDir(),
    TMPDIR: tmpdir,
    OUT: outFolder,
    DESTDIR: () => knob("DESTDIR"),
    PREFIX: () => (knob("DESTDIR") === undefined ? knob("PREFIX") : undefined),
    CARGO_TARGET_DIR: () => knob("CARGO_TARGET_DIR"),
  };
  const around = Object.entries(folders).flatMap(([name, folderOf]): [string, string][] => {
    try {
      const folder = folderOf();
      const whole = folder === undefined ? undefined : fromCaller(folder);
      return whole !== undefined && `${path}${sep}`.startsWith(`${whole}${sep}`) ? [[name, whole]] : [];
    } catch {
      // A value that does not parse names no folder.
      return [];
    }
  });
  // The deepest is the one that decides.
  return around.sort(([, one], [, other]) => other.length - one.length)[0]?.[0];
}
