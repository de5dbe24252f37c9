/** Where things are: the project, the caller, the output folder, the cache. */
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
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
  const home = xdg !== undefined && isAbsolute(xdg) ? xdg : join(knob("HOME") ?? homedir(), ".cache");
  return join(home, "stage0-distribution", ...parts);
}
