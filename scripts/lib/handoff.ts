/** How a stage0 file reaches the build that embeds it (specification, "Embed Modes"): a variable that make cannot export itself. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { printable, usageFailure } from "./errors.ts";
import { writeText } from "./files.ts";
import { knob } from "./knobs.ts";

/** Names a prebuilt stage0 to the build that embeds it. */
export const EMBED_PATH = "FASTBOOP_STAGE0_EMBED_PATH";

/** A word that sh reads back as the text, whatever it holds. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The line for `eval "$(make -s stage0-env)"`. */
export const exportLine = (path: string): string => `export ${EMBED_PATH}=${shellQuote(path)}`;

/**
 * Checks, before any work is done, that handOff can name files in a folder.
 * @throws Failure (2) when the path holds a line break, which neither file can carry
 */
export function checkHandOff(path: string): void {
  if (!/[\r\n]/.test(path)) return;
  throw usageFailure({
    what: "the artifact's path holds a line break, so no NAME=value file can name it",
    got: printable(path),
    fix: "set DIST or OUT to a folder without one",
  });
}

/**
 * Leaves the embed path in `<dist>/stage0.env` as NAME=value and, in GitHub Actions, in $GITHUB_ENV.
 * @throws as checkHandOff
 */
export function handOff(dist: string, path: string): void {
  checkHandOff(path);
  writeText(join(dist, "stage0.env"), `${EMBED_PATH}=${path}\n`);
  const actions = knob("GITHUB_ENV");
  if (actions !== undefined) appendFileSync(actions, `${EMBED_PATH}=${path}\n`);
}
