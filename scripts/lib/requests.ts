/** The files that a script is to boot, and their bytes: those that the user names, else those in the folder of artifacts. */
import { basename, join } from "node:path";
import { assetName, RELEASE_TARGETS, type Target, targetOfAsset } from "./contract.ts";
import { sha256Of } from "./crypto.ts";
import { contractFailure, missingFailure, printable, usageFailure } from "./errors.ts";
import { readRegular } from "./files.ts";
import { knob } from "./knobs.ts";
import { size } from "./log.ts";
import { distDir, fromCaller, toCaller } from "./paths.ts";
import { isFolder, type Stage0File, stage0Files } from "./stage0-files.ts";
import { supportedTarget } from "./target.ts";

/** A file to boot. */
export interface BootRequest {
  /** As the user wrote it; relative paths count from the caller's folder. */
  path: string;
  target: Target;
  /** Digest of what was proven before, in hex: the boot has to be of the same bytes. Absent: whatever is there. */
  sha256?: string;
}

/**
 * The files with their targets; of a folder its release assets.
 * @param option value of --target, which wins over TARGET
 * @throws Failure (2) for an unknown target, or a file whose name tells none
 */
export function requestsFor(files: readonly string[], option: string | undefined): BootRequest[] {
  const name = option === undefined ? "TARGET" : "--target";
  const triple = option ?? knob("TARGET");
  const chosen = triple === undefined ? undefined : supportedTarget(name, triple);
  const [first = ""] = files;
  if (files.length === 0) return assetsOf(distDir(), [], chosen);
  if (files.length > 1 || !isFolder(first)) return files.map((path) => named(path, chosen));
  return assetsOf(fromCaller(first), stage0Files(fromCaller(first)), chosen);
}

/** The release assets of a folder, or the chosen target's. @param found where they are, when not in the folder itself */
function assetsOf(folder: string, found: readonly Stage0File[], chosen: Target | undefined): BootRequest[] {
  return (chosen === undefined ? RELEASE_TARGETS : [chosen]).flatMap((target) => {
    const name = assetName(target.triple);
    const paths = found.filter((file) => file.name === name).map(({ path }) => path);
    return (paths.length > 0 ? paths : [join(folder, name)]).map((path) => ({ path: toCaller(path), target }));
  });
}

function named(path: string, chosen: Target | undefined): BootRequest {
  const target = chosen ?? targetOfAsset(basename(path));
  if (target !== undefined) return { path, target };
  throw usageFailure({
    what: "the file's name tells no target",
    expected: `${assetName("<target>")}, or a target with --target`,
    got: `"${printable(basename(path))}"`,
    fix: "add --target TRIPLE",
  });
}

/**
 * The bytes of a file that is to be booted.
 * @throws Failure (3) when it can't be read, (1) when it is over the size budget or not what was proven before
 */
export function readArtifact({ path, target, sha256 }: BootRequest): Buffer {
  const budget = knob("FASTBOOP_STAGE0_MAX_SIZE");
  const read = readRegular(fromCaller(path), budget);
  const file = printable(path);
  if ("reason" in read) {
    const fix = `make stage0 TARGET=${target.triple}`;
    throw missingFailure({ what: "can't be read", expected: "a regular file", got: read.reason, fix, file });
  }
  if (read.size > budget) {
    throw contractFailure({
      what: "is larger than the budget",
      expected: `at most ${size(budget)} (FASTBOOP_STAGE0_MAX_SIZE)`,
      got: size(read.size),
      file,
    });
  }
  if (sha256 === undefined) return read.bytes;
  const got = sha256Of(read.bytes);
  if (got === sha256) return read.bytes;
  const fix = "run it again when nothing writes to the file";
  throw contractFailure({ what: "changed after it was gated", expected: `sha256 ${sha256}`, got, fix, file });
}
