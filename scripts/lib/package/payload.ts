/** The stage0 file that packages carry: for phones, so aarch64 whatever this machine is. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { assetName, DEFAULT_TARGET, findTarget } from "../contract.ts";
import { contractFailure, missingFailure, printable } from "../errors.ts";
import { inspect } from "../gate.ts";
import { knob } from "../knobs.ts";
import { distDir, fromCaller } from "../paths.ts";

/**
 * FASTBOOP_STAGE0_EMBED_PATH, else the asset in dist/, once it has passed the gate.
 * @returns its absolute path
 * @throws Failure (3) when there is none, (1) when it fails the gate
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
  const { findings } = inspect(path, { target: findTarget(DEFAULT_TARGET), maxSize: knob("FASTBOOP_STAGE0_MAX_SIZE") });
  const failures = findings.filter(({ severity }) => severity === "fail");
  if (failures.length > 0) {
    throw contractFailure(
      ...failures.map(({ rule, expected, got, fix }) => ({
        file: printable(path),
        what: `breaks the rule ${rule}`,
        expected,
        got,
        fix,
      })),
    );
  }
  return path;
}
