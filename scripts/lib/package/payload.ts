/** The stage0 file that packages carry: for phones, so aarch64 whatever this machine is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assetName, DEFAULT_TARGET, findTarget } from "../contract.ts";
import { missingFailure, printable, usageFailure } from "../errors.ts";
import { assertPasses } from "../gate/assert-passes.ts";
import { knob } from "../knobs.ts";
import { distDir, fromCaller } from "../paths.ts";

/**
 * FASTBOOP_STAGE0_EMBED_PATH, else the asset in dist/, once it has passed the gate.
 * @param tag the release that the file is said to be of; absent: it is the workspace's own build
 * @returns its absolute path, and what named it
 * @throws Failure (2) when it is said to be of a release and only dist/ has one; (3) when there is none or it can't be
 *   read, (1) when it fails the gate
 */
export function gatedPayload(tag?: string): { path: string; source: string } {
  const given = knob("FASTBOOP_STAGE0_EMBED_PATH");
  const path = given === undefined ? join(distDir(), assetName(DEFAULT_TARGET)) : fromCaller(given);
  if (given === undefined && tag !== undefined) {
    throw usageFailure({
      what: `TAG names the release ${tag}, and no file of it is given`,
      expected: "FASTBOOP_STAGE0_EMBED_PATH, the path of that release's stage0",
      got: `none; ${printable(path)} may be any build`,
      fix: `set it to what make -s fetch-stage0 TAG=${tag} prints, or to your own file, or unset TAG`,
    });
  }
  if (given === undefined && !existsSync(path)) {
    throw missingFailure({
      file: printable(path),
      what: "there is no stage0 to package",
      fix: "set FASTBOOP_STAGE0_EMBED_PATH to a prebuilt one, download it with make fetch-stage0, or build it with make stage0",
    });
  }
  assertPasses(path, findTarget(DEFAULT_TARGET), path);
  return { path, source: given === undefined ? "the folder of artifacts" : "FASTBOOP_STAGE0_EMBED_PATH" };
}
