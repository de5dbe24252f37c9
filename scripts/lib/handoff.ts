/** How a stage0 file reaches the build that embeds it (specification, "Embed Modes"): a variable that make cannot export itself. */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { usageFailure } from "./errors.ts";
import { writeText } from "./files.ts";
import { knob } from "./knobs.ts";

const NAME = "FASTBOOP_STAGE0_EMBED_PATH";

/** A word that sh reads back as the text, whatever it holds. */
export const shellQuote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The line for `eval "$(make -s stage0-env)"`. */
export const exportLine = (path: string): string => `export ${NAME}=${shellQuote(path)}`;

/**
 * Leaves the embed path in `<dist>/stage0.env` as NAME=value and, in GitHub Actions, in $GITHUB_ENV.
 * @throws Failure (2) when the path holds a line break, which neither file can carry
 */
export function handOff(dist: string, path: string): void {
  if (/[\r\n]/.test(path)) {
    throw usageFailure({
      what: "the artifact's path holds a line break, so no NAME=value file can name it",
      fix: "set DIST or OUT to a folder without one",
    });
  }
  writeText(join(dist, "stage0.env"), `${NAME}=${path}\n`);
  const actions = knob("GITHUB_ENV");
  if (actions !== undefined) appendFileSync(actions, `${NAME}=${path}\n`);
}
