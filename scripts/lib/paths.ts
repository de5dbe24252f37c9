/** Where things are: the project, the caller, the output folder, the cache. */
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { knob } from "./knobs.ts";

/** Root folder of this project. */
export const PROJECT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const EXAMPLE_WORKSPACE = join(PROJECT, "test", "workspace");

/** The folder in which the user typed the command: make changes into the project, so the Makefile hands it on. */
export const callerDir = (): string => knob("CALLER_DIR") ?? process.cwd();

/** A path that the user gave, absolute: relative ones count from the caller's folder. */
export const fromCaller = (path: string): string => resolve(callerDir(), path);

/** The folder of artifacts: DIST from the caller's folder, else the project's dist. */
export function distDir(): string {
  const given = knob("DIST");
  return given === undefined ? join(PROJECT, "dist") : fromCaller(given);
}

/** A folder of the cache that survives clones, by the XDG base directory specification. */
export function cacheDir(...parts: string[]): string {
  const given = knob("FASTBOOP_STAGE0_CACHE");
  if (given !== undefined) return join(fromCaller(given), ...parts);
  return join(knob("XDG_CACHE_HOME") ?? join(knob("HOME") ?? homedir(), ".cache"), "stage0-distribution", ...parts);
}
