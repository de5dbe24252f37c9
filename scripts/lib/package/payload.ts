/** The stage0 file that packages carry: for phones, so aarch64 whatever this machine is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assetName, DEFAULT_TARGET, findTarget } from "../contract.ts";
import { missingFailure, printable } from "../errors.ts";
import { assertPasses } from "../gate/assert-passes.ts";
import { knob } from "../knobs.ts";
import { distDir, fromCaller } from "../paths.ts";

/**
 * FASTBOOP_STAGE0_EMBED_PATH, else the asset in dist/, once it has passed the gate.
 * @returns its absolute path
 * @throws Failure (3) when there is none or it can't be read, (1) when it fails the gate
 */
export function gatedPayload(): string {
  const given = knob("FASTBOOP_STAGE0_EMBED_PATH");
  const path = given === undefined ? join(distDir(), assetName(DEFAULT_TARGET)) : fromCaller(given);
  if (given === undefined && !existsSync(path)) {
    throw missingFailure({
      file: printable(path),
      what: "there is no stage0 to package",
      fix: "set FASTBOOP_STAGE0_EMBED_PATH to a prebuilt one, download it with make fetch-stage0, or build it with make stage0",
    });
  }
  assertPasses(path, findTarget(DEFAULT_TARGET), path);
  return path;
}
