/**
 * The path of a stage0 file for the build that embeds it (specification, "Embed Modes") and for the fastboop that loads it:
 * make can't export a variable itself.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { printable, usageFailure } from "./errors.ts";
import { writeText } from "./files.ts";
import { knob } from "./knobs.ts";
import { setOutputs } from "./log.ts";
import { shellQuote } from "./shell-quote.ts";

/** Names a prebuilt stage0 to the build that embeds it. */
export const EMBED_PATH = "FASTBOOP_STAGE0_EMBED_PATH";
/** Names a stage0 to a fastboop that loads it at run time. */
const LOAD_PATH = "FASTBOOP_STAGE0_PATH";

/** The line for sh to eval. */
export const exportLine = (path: string): string =>
  `export ${EMBED_PATH}=${shellQuote(path)} ${LOAD_PATH}=${shellQuote(path)}`;

/**
 * Checks, before any work is done, that writeEmbedEnv can name files in a folder.
 * @throws Failure (2) when the path holds a line break, which a NAME=value file can't carry
 */
export function checkEmbedPath(path: string): void {
  if (!/[\r\n]/.test(path)) return;
  throw usageFailure({
    what: "the artifact's path holds a line break, so no NAME=value file can name it",
    got: printable(path),
    fix: "set DIST or OUT to a folder without one",
  });
}

/**
 * Writes the path for both to `<dist>/stage0.env` as NAME=value and, in GitHub Actions, to $GITHUB_ENV and as the step's
 * output "path".
 * @throws as checkEmbedPath
 */
export function writeEmbedEnv(dist: string, path: string): void {
  checkEmbedPath(path);
  const lines = `${EMBED_PATH}=${path}\n${LOAD_PATH}=${path}\n`;
  writeText(join(dist, "stage0.env"), lines);
  const actions = knob("GITHUB_ENV");
  if (actions !== undefined) appendFileSync(actions, lines);
  setOutputs({ path });
}
